"""Token embeddings that are narrower than the encoder, with a projection."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from transformers import ElectraConfig, ElectraForTokenClassification, ElectraModel, PreTrainedModel

from finkd.corpora.errors import ConfigError
from finkd.data.encoding import WINDOW
from finkd.models.architectures import rebuilt
from finkd.models.layer_overrides import family
from finkd.models.model import Model

_SHARED = (
    *("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act"),
    *("hidden_dropout_prob", "attention_probs_dropout_prob", "max_position_embeddings", "type_vocab_size"),
    *("initializer_range", "layer_norm_eps", "pad_token_id", "bos_token_id", "eos_token_id", "classifier_dropout"),
)


def factorize(model: Model, rank: int) -> Model:
    """Return a copy of a BERT whose token embeddings have ``rank`` dimensions and are projected to the width.

    The layout is ELECTRA's (Clark et al., arXiv 2003.10555), which ``transformers`` loads: embeddings are summed and
    normalized in ``rank`` dimensions and then projected. A vocabulary of V tokens takes V * rank parameters instead of
    V * width (factorized embeddings: Lan et al., arXiv 1909.11942, section 3.1).

    The new weights follow from the old ones in closed form. Let e = w + p + t be the sum of a token's, a position's and
    a type's embedding, minus its mean over the dimensions, which layer normalization removes anyway. Of all subspaces
    of rank - 1 dimensions, the one kept loses the least of E|e|^2 (leading eigenvectors of E[e e^T]). In it, embeddings
    are rotated so that their coordinates sum to zero; normalizing and projecting them gives the old layer normalization
    of the kept part, gain and bias included. Nothing is lost if the tables have that rank.

    Args:
        model: an encoder or tagger; not changed.
        rank: dimensions of the new embeddings, from 2 to less than the width.

    Raises:
        ConfigError: if the rank is out of range, or the model is no BERT, or has a masked-LM head.
    """
    config = model.encoder.config
    check_factorizable(rank, config.hidden_size, family(config.model_type), model.has_masked_head)
    layers = {name: weight for name, weight in model.encoder.state_dict().items() if name.startswith("encoder.")}
    weights = {**layers, **_embeddings(model.encoder, rank, model.tokenizer.gives_case)}
    if model.labels:
        head = {f"classifier.{name}": weight for name, weight in model.tagging_head.state_dict().items()}
        weights = {**{f"electra.{name}": weight for name, weight in weights.items()}, **head}
    old = model.network.config
    shared: dict[str, Any] = {name: getattr(old, name, None) for name in _SHARED}
    electra = ElectraConfig(embedding_size=rank, **shared)
    electra.id2label, electra.label2id = old.id2label, old.label2id
    with torch.random.fork_rng(devices=[]):
        network: PreTrainedModel = (ElectraForTokenClassification if model.labels else ElectraModel)(electra)
    return rebuilt(replace(model, network=network), model.slim, weights)


def check_factorizable(rank: int, width: int, kind: str, has_masked_head: bool) -> None:
    """Raise ``ConfigError`` unless embeddings can have a rank, in a BERT without a masked-LM head."""
    if kind != "bert" or has_masked_head:
        found = "one with a masked-LM head" if has_masked_head else repr(kind)
        raise ConfigError(f"compress:factorize: needs a BERT encoder or tagger (got {found})")
    if not 2 <= rank < width:
        raise ConfigError(f"compress:factorize.rank: expected 2 to {width - 1}, less than the width (got {rank})")


def _embeddings(encoder: PreTrainedModel, rank: int, gives_case: bool) -> dict[str, Tensor]:
    """Return the weights of the narrow embeddings and of the projection; only a model given case uses all its types."""
    old = encoder.get_submodule("embeddings").state_dict()
    names = [f"{kind}_embeddings.weight" for kind in ("word", "position", "token_type")]
    tables = [(old[name] - old[name].mean(dim=1, keepdim=True)).double() for name in names]
    # (width, rank): from the encoder's dimensions to those of the embeddings; its transpose leads back. The columns of
    # Q but the first sum to zero, since the first is constant.
    constant = torch.eye(rank, dtype=torch.float64)
    constant[:, 0] = 1
    words, positions, types = tables
    used = types if gives_case else types[:1]
    reduce = _subspace((words, positions[:WINDOW], used), rank - 1) @ torch.linalg.qr(constant).Q[:, 1:].T
    gain = old["LayerNorm.weight"].double() * math.sqrt(reduce.shape[0] / rank)
    narrow = {f"embeddings.{name}": table @ reduce for name, table in zip(names, tables, strict=True)}
    rest = {
        "embeddings.LayerNorm.weight": torch.ones(rank),
        "embeddings.LayerNorm.bias": torch.zeros(rank),
        "embeddings_project.weight": gain[:, None] * reduce,
        "embeddings_project.bias": old["LayerNorm.bias"],
    }
    return {name: weight.float() for name, weight in {**narrow, **rest}.items()}


def _subspace(tables: Sequence[Tensor], size: int) -> Tensor:
    """Return (width, size) leading eigenvectors of E[e e^T] for uniform rows of each (rows, width) table."""
    mean = torch.stack([table.mean(dim=0) for table in tables]).sum(dim=0)
    moment = torch.stack([_covariance(table) for table in tables]).sum(dim=0) + torch.outer(mean, mean)
    vectors: Tensor = torch.linalg.eigh(moment).eigenvectors
    return vectors[:, -size:]


def _covariance(rows: Tensor) -> Tensor:
    centred = rows - rows.mean(dim=0)
    return centred.T @ centred / len(rows)
