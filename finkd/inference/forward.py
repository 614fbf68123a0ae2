"""One model run over one batch, no further than the losses look."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from finkd.corpora.errors import ConfigError
from finkd.data.collator import ModelInputs
from finkd.inference.attention import fastest
from finkd.losses.term import ModelOutputs, Requirement
from finkd.models.heads import factored_mlm_logits
from finkd.models.layer_overrides import Slim

_PROJECTIONS = (("query", "key", "value"), ("q_lin", "k_lin", "v_lin"))
"""Names of the modules that make queries, keys and values: BERT's and RoBERTa's, and DistilBERT's."""

_TOKENS = 64
"""A masked-LM head is asked for a multiple of so many tokens."""


def forward(
    network: PreTrainedModel,
    inputs: ModelInputs,
    requirements: Requirement,
    masked: Tensor | None = None,
    everywhere: Tensor | None = None,
) -> ModelOutputs:
    """Run a tagger, a classifier of texts, one that answers questions, a masked-LM network or a bare encoder.

    Args:
        network: what to run.
        inputs: its view of the batch.
        requirements: what the loss terms look at (``finkd.losses.term.Requirement``).
        masked: (masked,) hidden tokens, as indices into the tokens of the batch, if scores there are needed: with
            every token of a batch the vocabulary would cost more than the encoder.
        everywhere: (tokens,) tokens, hidden or not, at which the masked-LM head is asked too, without scores.

    Raises:
        ConfigError: if attention is needed and the architecture keeps its projections elsewhere.
    """
    has_labels = hasattr(network, "classifier") or hasattr(network, "qa_outputs")
    body = network if has_labels else network.base_model
    options: dict[str, Any] = {"output_hidden_states": bool(requirements & Requirement.HIDDEN_STATES)}
    if inputs.types is not None and getattr(network.config, "type_vocab_size", 1) > 1:
        options["token_type_ids"] = inputs.types
    with _recorded(network, wanted=Requirement.ATTENTION in requirements) as projections, fastest(network):
        output: Any = body(input_ids=inputs.ids, attention_mask=inputs.mask, **options)
    attention = [_flat(each, inputs) for each in projections]
    every = None if everywhere is None else _flat(output.last_hidden_state, inputs, everywhere)
    return ModelOutputs(
        word_logits=_label_scores(output, inputs) if has_labels else None,
        hidden_states=tuple(_flat(state, inputs) for state in output.hidden_states)
        if Requirement.HIDDEN_STATES in requirements
        else (),
        attention=tuple(torch.stack(attention[layer : layer + 3]) for layer in range(0, len(attention), 3)),
        attention_heads=0 if Slim.of(network).heads else network.config.num_attention_heads,
        mlm_logits=None if masked is None else _scores(network, output.last_hidden_state, inputs, masked),
        mlm_logits_everywhere=None if every is None else factored_mlm_logits(network, every),
        embeddings=network.get_input_embeddings()(inputs.token_ids) if Requirement.EMBEDDINGS in requirements else None,
    )


def _label_scores(output: Any, inputs: ModelInputs) -> Tensor:
    """(words, labels) scores: of words, or of the texts that words stand for, or of the ends of an answer."""
    if "start_logits" in output:
        return torch.stack([output.start_logits, output.end_logits], dim=-1).flatten(0, 1)[inputs.first_token_positions]
    scores: Tensor = output.logits
    if scores.ndim == 2:
        return scores[inputs.first_token_positions // inputs.ids.shape[1]]
    return scores.flatten(0, 1)[inputs.first_token_positions]


def _flat(states: Tensor, inputs: ModelInputs, places: Tensor | None = None) -> Tensor:
    """(batch, seq, width) as (tokens, width), padding left out, or only some of the tokens."""
    tokens = inputs.tokens if places is None else inputs.tokens[places]
    return states.flatten(0, 1).index_select(0, tokens)


def _scores(network: PreTrainedModel, states: Tensor, inputs: ModelInputs, masked: Tensor) -> Tensor:
    """(masked, vocabulary) scores; few shapes of matrix products occur, as for ``finkd.data.collator.on_grid``."""
    padded = functional.pad(masked, (0, -len(masked) % _TOKENS))
    return factored_mlm_logits(network, _flat(states, inputs, padded)).logits()[: len(masked)]


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
