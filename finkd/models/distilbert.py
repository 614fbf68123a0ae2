"""A BERT as a DistilBERT: the same function, without a table of token types and without a pooler."""

from __future__ import annotations

import re
from typing import Any

import torch
from transformers import DistilBertConfig, DistilBertForMaskedLM, DistilBertForTokenClassification, DistilBertModel

from finkd.corpora.errors import ConfigError
from finkd.models.model import Model

_EPSILON = 1e-12
"""Of DistilBERT's norms, whose configuration has no say in it."""

_NAMES = (
    (r"^bert\.", "distilbert."),
    (r"encoder\.layer\.", "transformer.layer."),
    (r"attention\.self\.query\.", "attention.q_lin."),
    (r"attention\.self\.key\.", "attention.k_lin."),
    (r"attention\.self\.value\.", "attention.v_lin."),
    (r"attention\.output\.dense\.", "attention.out_lin."),
    (r"attention\.output\.LayerNorm\.", "sa_layer_norm."),
    (r"intermediate\.dense\.", "ffn.lin1."),
    (r"(\d+)\.output\.dense\.", r"\1.ffn.lin2."),
    (r"(\d+)\.output\.LayerNorm\.", r"\1.output_layer_norm."),
    (r"cls\.predictions\.transform\.dense\.", "vocab_transform."),
    (r"cls\.predictions\.transform\.LayerNorm\.", "vocab_layer_norm."),
    (r"cls\.predictions\.decoder\.", "vocab_projector."),
)
_DROPPED = re.compile(r"token_type_embeddings|pooler|cls\.predictions\.bias|position_ids")
"""What DistilBERT has not; BERT keeps the bias of its masked-LM head under two names."""


def without_token_types(model: Model) -> Model:
    """A copy in which the vector of the first token type, which every token gets, is part of the positions' vectors.

    It computes what the model computes, with two rows of embeddings less, and loads as ``transformers``' DistilBERT.

    Args:
        model: a BERT, bare or with a tagging or masked-LM head; not changed. A DistilBERT is returned as it is.

    Raises:
        ConfigError: if it is of another kind, or its norms are not DistilBERT's.
    """
    old: Any = model.network.config
    if old.model_type == "distilbert":
        return model
    if old.model_type != "bert" or old.layer_norm_eps != _EPSILON:
        raise ConfigError(
            f"truncate-layers.token_types: only a BERT with layer_norm_eps {_EPSILON} can do without "
            f"(got {old.model_type!r} with {getattr(old, 'layer_norm_eps', 'none')})"
        )
    with torch.random.fork_rng(devices=[]):
        network = _class(model)(_config(old))
    held = model.network.state_dict()
    network.load_state_dict({_renamed(name): weight for name, weight in held.items() if not _DROPPED.search(name)})
    embeddings: Any = model.encoder.embeddings
    with torch.no_grad():
        network.base_model.embeddings.position_embeddings.weight += embeddings.token_type_embeddings.weight[0].cpu()
    return Model(network.to(model.network.device).train(False), model.tokenizer, model.labels)


def _class(model: Model) -> Any:
    if model.labels:
        return DistilBertForTokenClassification
    return DistilBertForMaskedLM if model.has_masked_head else DistilBertModel


def _config(old: Any) -> DistilBertConfig:
    return DistilBertConfig(
        vocab_size=old.vocab_size,
        max_position_embeddings=old.max_position_embeddings,
        n_layers=old.num_hidden_layers,
        n_heads=old.num_attention_heads,
        dim=old.hidden_size,
        hidden_dim=old.intermediate_size,
        dropout=old.hidden_dropout_prob,
        attention_dropout=old.attention_probs_dropout_prob,
        activation=old.hidden_act,
        pad_token_id=old.pad_token_id,
        tie_word_embeddings=old.tie_word_embeddings,
        id2label=old.id2label,
        label2id=old.label2id,
    )


def _renamed(name: str) -> str:
    for ours, theirs in _NAMES:
        name = re.sub(ours, theirs, name)
    return name
