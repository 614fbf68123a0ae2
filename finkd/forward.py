"""One model run over one batch, no further than the losses look."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import PreTrainedModel

from corpora.errors import ConfigError
from finkd.collation import Inputs
from finkd.losses.term import Side
from finkd.models import masked_lm_guesses

_PROJECTIONS = (("query", "key", "value"), ("q_lin", "k_lin", "v_lin"))
"""Names of the modules that make queries, keys and values: BERT's and RoBERTa's, and DistilBERT's."""


def forward(
    network: PreTrainedModel,
    inputs: Inputs,
    needs: frozenset[str],
    masked: Tensor | None = None,
    everywhere: Tensor | None = None,
) -> Side:
    """Run a tagger, a masked-LM network or a bare encoder.

    Args:
        network: what to run.
        inputs: its view of the batch.
        needs: what the loss terms look at (``finkd.losses.term.NEEDS``).
        masked: (masked,) hidden pieces, as indices into the pieces of the batch, if scores there are needed: with
            every piece of a batch the vocabulary would cost more than the encoder.
        everywhere: (pieces,) pieces, hidden or not, at which the masked-LM head is asked too, without scores.

    Raises:
        ConfigError: if attention is needed and the architecture keeps its projections elsewhere.
    """
    is_tagger = hasattr(network, "classifier")
    body = network if is_tagger else network.base_model
    with _recorded(network, wanted="attention" in needs) as projections, sdpa_kernel(_kernels(inputs.ids.device)):
        output: Any = body(
            input_ids=inputs.ids, attention_mask=inputs.mask, output_hidden_states=bool(needs & {"hidden"})
        )
    attention = [_flat(each, inputs) for each in projections]
    hidden = None if masked is None else masked_lm_guesses(network, _flat(output.last_hidden_state, inputs)[masked])
    every = None if everywhere is None else _flat(output.last_hidden_state, inputs)[everywhere]
    return Side(
        words=output.logits.flatten(0, 1)[inputs.words] if is_tagger else None,
        hidden=tuple(_flat(state, inputs) for state in output.hidden_states) if "hidden" in needs else (),
        attention=tuple(torch.stack(attention[layer : layer + 3]) for layer in range(0, len(attention), 3)),
        heads=network.config.num_attention_heads,
        masked=None if hidden is None else hidden.scores(),
        everywhere=None if every is None else masked_lm_guesses(network, every),
        embeddings=network.get_input_embeddings()(inputs.piece_ids) if "embeddings" in needs else None,
    )


def _kernels(device: torch.device) -> list[SDPBackend]:
    """Attention kernels to choose from.

    On a CPU the fused one is up to three times as fast as the plain products, except for training in bf16, where its
    backward half makes it two to three times as slow on sentences (measured at 30 to 128 pieces).
    """
    if device.type == "cpu" and torch.is_grad_enabled() and torch.is_autocast_enabled("cpu"):
        return [SDPBackend.MATH]
    return [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


def _flat(states: Tensor, inputs: Inputs) -> Tensor:
    """(batch, seq, width) as (pieces, width), padding left out."""
    return states.flatten(0, 1)[inputs.pieces]


@contextlib.contextmanager
def _recorded(network: PreTrainedModel, *, wanted: bool) -> Iterator[list[Tensor]]:
    """Collect queries, keys and values of each layer as they are computed, if they are wanted.

    ``transformers`` returns attention after the softmax only, and with its default kernels an empty tuple, on which a
    loss would silently train nothing.
    """
    seen: list[Tensor] = []
    hooks = [
        module.register_forward_hook(lambda module, args, output: seen.append(output))
        for module in (_projections(network) if wanted else ())
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _projections(network: PreTrainedModel) -> list[nn.Module]:
    """The modules, in the order in which a layer calls them."""
    for names in _PROJECTIONS:
        found = [module for name, module in network.named_modules() if name.rsplit(".", 1)[-1] in names]
        if found:
            return found
    raise ConfigError(
        f"losses: attention of {network.config.model_type!r} cannot be read (BERT, RoBERTa and DistilBERT can)"
    )
