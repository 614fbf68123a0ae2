"""Students cut from a teacher: fewer layers, then another vocabulary."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from scipy import sparse
from torch import Tensor, nn

from corpora.errors import ConfigError
from finkd.models import Model
from tokenization.mapping import retokenisation
from tokenization.tokenizer import Tokenizer


def keep_layers(model: Model, layers: Sequence[int]) -> Model:
    """A copy with only some of the transformer layers.

    Args:
        model: an encoder or tagger; not changed.
        layers: numbers of the layers to keep, from 0, rising. DistilBERT keeps every other one.

    Raises:
        ConfigError: if a number is not a layer's, or the order is not rising.
    """
    depth = len(model.layers)
    if not layers or sorted(set(layers)) != list(layers) or not 0 <= layers[0] <= layers[-1] < depth:
        raise ConfigError(f"shrink.layers: must rise and lie within 0..{depth - 1} (got {list(layers)})")
    student = Model(copy.deepcopy(model.network), model.tokenizer, model.labels)
    kept = nn.ModuleList(student.layers[layer] for layer in layers)
    student.layer_holder.layer = kept
    name = "n_layers" if hasattr(student.encoder.config, "n_layers") else "num_hidden_layers"
    setattr(student.encoder.config, name, len(kept))
    return student


def replace_vocabulary(model: Model, tokenizer: Tokenizer) -> Model:
    """A copy that reads through another tokenizer, its new embeddings made from the old ones.

    Each new embedding is the mean of the old pieces that spell it, weighted by characters
    (``tokenization.mapping.retokenisation``), so shared pieces are copied and special tokens go by role.

    Args:
        model: an encoder or tagger; not changed.
        tokenizer: the new tokenizer.
    """
    mapping = retokenisation(model.tokenizer, tokenizer)
    student = Model(copy.deepcopy(model.network), tokenizer, model.labels)
    padding = tokenizer.special_ids["pad"]
    new = _apply(mapping, model.embeddings.weight.detach())
    table = nn.Embedding(len(new), new.shape[1], padding_idx=padding, _weight=new)
    student.encoder.set_input_embeddings(table)
    _shift_positions(getattr(student.encoder, "embeddings", None), padding)
    for config in (student.network.config, student.encoder.config):
        config.vocab_size = len(tokenizer)
        config.pad_token_id = padding
        for role, name in (("cls", "bos_token_id"), ("sep", "eos_token_id")):
            if getattr(config, name, None) is not None:
                setattr(config, name, tokenizer.special_ids.get(role))
    return student


def _apply(mapping: sparse.csr_array, embeddings: Tensor) -> Tensor:
    """(new, width) rows as weighted means of (old, width) rows; rows beyond the old tokenizer's pieces are unused."""
    old = embeddings[: mapping.shape[1]].cpu().numpy()
    return torch.from_numpy(mapping @ old).to(embeddings)


def _shift_positions(embeddings: Any, padding: int) -> None:
    """Let each position keep its vector where positions are numbered from the padding id on, as RoBERTa does."""
    if not hasattr(embeddings, "padding_idx"):
        return
    table = embeddings.position_embeddings
    with torch.no_grad():
        table.weight.copy_(table.weight.roll(padding - embeddings.padding_idx, dims=0))
    embeddings.padding_idx = table.padding_idx = padding
