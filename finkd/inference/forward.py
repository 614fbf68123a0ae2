"""Forward pass of one model on one batch, which computes only what the losses require."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from finkd.data.collator import ModelInputs
from finkd.inference.attention import fastest
from finkd.losses.term import ModelOutputs, Requirement
from finkd.models.attention_projections import attention_projections
from finkd.models.heads import factored_mlm_logits
from finkd.models.layer_overrides import Slim

_TOKENS = 64
"""A masked-LM head is run on a multiple of this number of tokens, so that few shapes of matrix products occur."""


def forward(
    network: PreTrainedModel,
    inputs: ModelInputs,
    requirements: Requirement,
    masked: Tensor | None = None,
    everywhere: Tensor | None = None,
) -> ModelOutputs:
    """Run a tagger, a text classifier, a model for question answering, a masked-LM network or a bare encoder.

    Args:
        network: the model.
        inputs: the batch in its tokens.
        requirements: the outputs to compute.
        masked: (masked,) masked tokens, as indices into the tokens of the batch, if MLM logits are needed: at every
            token they would cost more than the encoder.
        everywhere: (tokens,) tokens, masked or not, at which the masked-LM head is run up to its last layer.

    Raises:
        ConfigError: if attention is required and the architecture has other projections.
    """
    has_labels = hasattr(network, "classifier") or hasattr(network, "qa_outputs")
    body = network if has_labels else network.base_model
    options: dict[str, Any] = {"output_hidden_states": bool(requirements & Requirement.HIDDEN_STATES)}
    if inputs.types is not None and getattr(network.config, "type_vocab_size", 1) > 1:
        options["token_type_ids"] = inputs.types
    with _recorded(network, wanted=Requirement.ATTENTION in requirements) as projections, fastest(network):
        output: Any = body(input_ids=inputs.ids, attention_mask=inputs.mask, **options)
    attention = [_flat(each, inputs) for each in projections]
    mlm_logits = everywhere_logits = None
    if masked is not None:
        padded = functional.pad(masked, (0, -len(masked) % _TOKENS))
        states = _flat(output.last_hidden_state, inputs, padded)
        mlm_logits = factored_mlm_logits(network, states).logits()[: len(masked)]
    if everywhere is not None:
        everywhere_logits = factored_mlm_logits(network, _flat(output.last_hidden_state, inputs, everywhere))
    states_wanted = output.hidden_states if Requirement.HIDDEN_STATES in requirements else ()
    return ModelOutputs(
        word_logits=_word_logits(output, inputs) if has_labels else None,
        hidden_states=tuple(_flat(state, inputs) for state in states_wanted),
        attention=tuple(torch.stack(attention[layer : layer + 3]) for layer in range(0, len(attention), 3)),
        attention_heads=_attention_heads(network),
        mlm_logits=mlm_logits,
        mlm_logits_everywhere=everywhere_logits,
        embeddings=network.get_input_embeddings()(inputs.token_ids) if Requirement.EMBEDDINGS in requirements else None,
    )


def _attention_heads(network: PreTrainedModel) -> int:
    """Return how many heads a layer has; 0 if layers differ."""
    found = set(Slim.of(network).heads) or {network.config.num_attention_heads}
    return found.pop() if len(found) == 1 else 0


def _word_logits(output: Any, inputs: ModelInputs) -> Tensor:
    """Return (words, labels) logits of words, of the texts that words represent, or of the ends of an answer."""
    if "start_logits" in output:
        logits: Tensor = torch.stack([output.start_logits, output.end_logits], dim=-1)
    else:
        logits = output.logits
    if logits.ndim == 2:
        return logits[inputs.first_token_positions // inputs.ids.shape[1]]
    return logits.flatten(0, 1)[inputs.first_token_positions]


def _flat(states: Tensor, inputs: ModelInputs, places: Tensor | None = None) -> Tensor:
    """Return (batch, seq, width) states as (tokens, width), without padding, or only some of the tokens."""
    tokens = inputs.tokens if places is None else inputs.tokens[places]
    return states.flatten(0, 1).index_select(0, tokens)


@contextlib.contextmanager
def _recorded(network: PreTrainedModel, *, wanted: bool) -> Iterator[list[Tensor]]:
    """Collect queries, keys and values of each layer as they are computed, if they are wanted.

    ``transformers`` returns attention after the softmax only, and with its default kernels an empty tuple, from which
    a loss would learn nothing without an error.
    """
    seen: list[Tensor] = []
    hooks = [
        module.register_forward_hook(lambda module, args, output: seen.append(output))
        for module in (attention_projections(network) if wanted else ())
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
