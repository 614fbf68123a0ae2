"""Conversion of a BERT to a DistilBERT, which has neither token-type embeddings nor a pooler."""

from __future__ import annotations

import re
from typing import Any

import torch
from transformers import DistilBertConfig, DistilBertForMaskedLM, DistilBertForTokenClassification, DistilBertModel

from finkd.corpora.errors import ConfigError
from finkd.models.model import Model

_EPSILON = 1e-12
"""Of DistilBERT's layer norms; its configuration cannot change it."""

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
"""Weights that DistilBERT lacks; BERT keeps the bias of its masked-LM head under two names."""

_CONFIG = {
    "vocab_size": "vocab_size",
    "max_position_embeddings": "max_position_embeddings",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "dim": "hidden_size",
    "hidden_dim": "intermediate_size",
    "dropout": "hidden_dropout_prob",
    "attention_dropout": "attention_probs_dropout_prob",
    "activation": "hidden_act",
    "pad_token_id": "pad_token_id",
    "tie_word_embeddings": "tie_word_embeddings",
    "id2label": "id2label",
    "label2id": "label2id",
}
"""DistilBERT's name of a configuration entry -> BERT's."""


def without_token_types(model: Model) -> Model:
    """Return a copy that adds the embedding of the first token type, which every token gets, to the positions'.

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
    plain = DistilBertForMaskedLM if model.has_masked_head else DistilBertModel
    kind: Any = DistilBertForTokenClassification if model.labels else plain
    with torch.random.fork_rng(devices=[]):
        network = kind(DistilBertConfig(**{ours: getattr(old, theirs) for ours, theirs in _CONFIG.items()}))
    weights = {}
    for name, weight in model.network.state_dict().items():
        if not _DROPPED.search(name):
            for theirs, ours in _NAMES:
                name = re.sub(theirs, ours, name)
            weights[name] = weight
    network.load_state_dict(weights)
    embeddings: Any = model.encoder.embeddings
    with torch.no_grad():
        network.base_model.embeddings.position_embeddings.weight += embeddings.token_type_embeddings.weight[0].cpu()
    return Model(network.to(model.network.device).train(False), model.tokenizer, model.labels)
