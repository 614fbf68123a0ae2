"""Students made from a teacher: fewer layers, fewer dimensions, no token types."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from transformers import PreTrainedModel

from finkd.corpora.errors import ConfigError
from finkd.corpora.wording import counted
from finkd.models.layer_overrides import BERT, DISTILBERT, Slim
from finkd.models.model import Model

_WIDTHS = ("hidden_size", "embedding_size", "pooler_hidden_size")
"""Entries of a configuration that are the width, or may repeat it: ELECTRA's embeddings and DeBERTa's pooler."""
_OF_LAYERS = ("attention_window", "layer_types")
"""Entries of a configuration with a value for each layer, such as Longformer's windows."""
_EPSILON = 1e-12
"""Of DistilBERT's layer norms; its configuration cannot change it."""

_NAMES = {
    "bert.": "distilbert.",
    "encoder.layer.": "transformer.layer.",
    **{f"{theirs}.": f"{ours}." for theirs, ours in zip(BERT, DISTILBERT, strict=True)},
    "attention.output.LayerNorm.": "sa_layer_norm.",
    "output.LayerNorm.": "output_layer_norm.",
    "cls.predictions.transform.dense.": "vocab_transform.",
    "cls.predictions.transform.LayerNorm.": "vocab_layer_norm.",
    "cls.predictions.decoder.": "vocab_projector.",
}
"""Part of the name of a BERT's weight -> of a DistilBERT's, replaced in this order."""
_DROPPED = re.compile(r"token_type_embeddings|pooler|cls\.predictions\.bias|position_ids")
"""Weights that DistilBERT lacks; BERT keeps the bias of its masked-LM head under two names."""

_CONFIG = {
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "dim": "hidden_size",
    "hidden_dim": "intermediate_size",
    "dropout": "hidden_dropout_prob",
    "attention_dropout": "attention_probs_dropout_prob",
    "activation": "hidden_act",
}
"""DistilBERT's name of a configuration entry -> BERT's."""
_SAME = ("vocab_size", "max_position_embeddings", "pad_token_id", "tie_word_embeddings", "id2label", "label2id")
"""Configuration entries of one name."""


def every_other(depth: int) -> tuple[int, ...]:
    """Return half of ``depth`` layers, evenly spaced: 0, 2, 4, 7, 9, 11 of 12, as in DistilBERT."""
    count = max(1, depth // 2)
    return tuple(round(number * (depth - 1) / max(1, count - 1)) for number in range(count))


def keep_layers(model: Model, layers: Sequence[int]) -> Model:
    """Return a copy with only some of the transformer layers.

    Args:
        model: an encoder or tagger; not changed.
        layers: numbers of the layers to keep, from 0, rising.

    Raises:
        ConfigError: if a number is not a layer's, or the order is not rising.
    """
    depth = len(model.layers)
    if not layers or sorted(set(layers)) != list(layers) or not 0 <= layers[0] <= layers[-1] < depth:
        raise ConfigError(f"truncate-layers.layers: must rise and lie within 0..{depth - 1} (got {list(layers)})")
    slim = model.slim.of_layers(layers)
    student = model.copied()
    kept = nn.ModuleList(student.layers[layer] for layer in layers)
    student.layer_holder.layer = kept
    name = "n_layers" if hasattr(student.encoder.config, "n_layers") else "num_hidden_layers"
    for config in (student.network.config, student.encoder.config):
        for entry in _OF_LAYERS:
            values = getattr(config, entry, None)
            if isinstance(values, list) and len(values) == depth:
                setattr(config, entry, [values[layer] for layer in layers])
        setattr(config, name, len(kept))
        if hasattr(config, "slim"):
            config.slim = asdict(slim)
    if slim == Slim():  # slim layers describe themselves
        _check_described(student.encoder)
    return student


def _check_described(encoder: PreTrainedModel) -> None:
    """Check that a network with fewer layers is the one that its configuration describes.

    Raises:
        ConfigError: if it is not.
    """
    with torch.device("meta"):
        made = type(encoder)(encoder.config)
    kept, described = ({name: each.shape for name, each in net.named_parameters()} for net in (encoder, made))
    if any(described.get(name) != shape for name, shape in kept.items()):
        kind = encoder.config.model_type
        raise ConfigError(f"model: layers of {kind!r} cannot be chosen (other weights depend on their number)")


def narrow(model: Model, width: int) -> Model:
    """Return a copy with fewer dimensions of the hidden states and, in proportion, fewer feed-forward units.

    Evenly spaced dimensions are kept, the same ones in every layer, and equally many in each attention head: weight
    selection (Xu et al. 2023, arXiv 2311.18823, section 3). The number of heads stays, as in TinyBERT.

    Args:
        model: an encoder or tagger; not changed.
        width: new number of dimensions, less than the old one and divisible by the number of heads. Token embeddings
            that are narrower already keep theirs.

    Raises:
        ConfigError: if the width does not fit, or the layers are slim.
    """
    if model.slim != Slim():
        raise ConfigError("truncate-layers.width: the layers are slim already; truncate before compress")
    old = model.encoder.config
    check_width(width, old.hidden_size, old.num_attention_heads, rank=model.embeddings.weight.shape[1])
    config = copy.deepcopy(model.network.config)
    for entry in _WIDTHS:
        if getattr(config, entry, None) == old.hidden_size:
            setattr(config, entry, width)
    inner = "hidden_dim" if hasattr(config, "hidden_dim") else "intermediate_size"  # DistilBERT's, or BERT's name
    setattr(config, inner, getattr(config, inner) * width // old.hidden_size)
    with torch.random.fork_rng(devices=[]):
        network: Any = type(model.network)(config)
    if getattr(model.encoder, "pooler", None) is None and hasattr(network.base_model, "pooler"):
        network.base_model.pooler = None
    shapes = {name: weight.shape for name, weight in network.state_dict().items()}
    weights = model.network.state_dict().items()
    network.load_state_dict({name: _selected(weight, shapes[name]) for name, weight in weights})
    return Model(network.train(False), model.tokenizer, model.labels)


def check_width(width: int, old: int, heads: int, rank: int) -> None:
    """Raise ``ConfigError`` unless an encoder whose token embeddings have a rank can be narrowed to a width."""
    if not 0 < width < old or width % heads:
        raise ConfigError(
            f"truncate-layers.width: expected a multiple of the {counted(heads, 'head')} that is less than {old} "
            f"(got {width})"
        )
    if width == rank:
        raise ConfigError(
            f"truncate-layers.width: expected another number than the {rank} dimensions of the token embeddings, which "
            "would not be projected any more"
        )


def _selected(weight: Tensor, shape: Sequence[int]) -> Tensor:
    """Return the evenly spaced part of a weight that has the given shape.

    Of a matrix's dimensions that belong to attention heads, it has equally many of each head, since the new number is a
    multiple of theirs.
    """
    for dimension, (old, new) in enumerate(zip(weight.shape, shape, strict=True)):
        if old != new:
            kept = torch.linspace(0, old - 1, new).round().long()
            weight = weight.index_select(dimension, kept.to(weight.device))
    return weight


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
    if model.tokenizer.gives_case:
        raise ConfigError("truncate-layers.token_types: the model is given the case of words by them")
    if old.model_type != "bert" or old.layer_norm_eps != _EPSILON:
        raise ConfigError(
            f"truncate-layers.token_types: only a BERT with layer_norm_eps {_EPSILON} can do without "
            f"(got {old.model_type!r} with {getattr(old, 'layer_norm_eps', 'none')})"
        )
    plain = transformers.DistilBertForMaskedLM if model.has_masked_head else transformers.DistilBertModel
    kind: Any = transformers.DistilBertForTokenClassification if model.labels else plain
    with torch.random.fork_rng(devices=[]):
        entries = _CONFIG | {name: name for name in _SAME}
        settings = {ours: getattr(old, theirs) for ours, theirs in entries.items()}
        network = kind(transformers.DistilBertConfig(**settings))
    weights = {}
    for name, weight in model.network.state_dict().items():
        if not _DROPPED.search(name):
            for theirs, ours in _NAMES.items():
                name = name.replace(theirs, ours)
            weights[name] = weight
    network.load_state_dict(weights)
    embeddings: Any = model.encoder.embeddings
    with torch.no_grad():
        network.base_model.embeddings.position_embeddings.weight += embeddings.token_type_embeddings.weight[0].cpu()
    return Model(network.to(model.network.device).train(False), model.tokenizer, model.labels)
