"""Structured pruning of attention heads and feed-forward units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from finkd.models.architectures import rebuilt
from finkd.models.layer_overrides import Slim
from finkd.models.layer_parts import head_size, parts
from finkd.models.model import Model

Scope = Literal["layer", "model"]
"""Prune equally many parts of every layer, or the least important ones of the whole model."""


def kept(importance: Sequence[Tensor], fraction: float, scope: Scope) -> list[Tensor]:
    """Choose the parts that stay, at least one of every layer, by the (parts,) importance of each layer."""
    if scope == "layer":
        return [_best(each, max(1, round(len(each) * (1 - fraction)))) for each in importance]
    best = torch.stack([each.argmax() for each in importance])
    scores = [each.clone() for each in importance]
    for each, first in zip(scores, best.tolist(), strict=True):
        each[first] = torch.inf
    total = torch.cat(scores)
    stay = torch.zeros(len(total), dtype=torch.bool)
    stay[_best(total, max(len(scores), round(len(total) * (1 - fraction))))] = True
    return [each.nonzero().flatten() for each in torch.split(stay, [len(each) for each in scores])]


def _best(scores: Tensor, count: int) -> Tensor:
    """Return the sorted numbers of the highest scores; of equal ones the first."""
    return scores.argsort(descending=True, stable=True)[:count].sort().values


def keep_heads(model: Model, heads: Sequence[Tensor]) -> Model:
    """Return a copy with only some of the attention heads, given by their numbers in each layer."""
    weights = model.network.state_dict()
    for prefix, layer, stay in _layers(model, heads):
        names, size = parts(layer), head_size(layer)
        rows = (stay[:, None] * size + torch.arange(size)).flatten()
        for name in (names.query, names.key, names.value):
            _select(weights, f"{prefix}.{name}", rows, 0)
        _select(weights, f"{prefix}.{names.attended}", rows, 1)
    slim = replace(Slim.of(model.network), heads=tuple(map(len, heads)))
    return Model(rebuilt(model.network, slim, weights), model.tokenizer, model.labels)


def keep_units(model: Model, units: Sequence[Tensor]) -> Model:
    """Return a copy with only some of the feed-forward units; see ``keep_heads``."""
    weights = model.network.state_dict()
    for prefix, layer, stay in _layers(model, units):
        names = parts(layer)
        _select(weights, f"{prefix}.{names.raised}", stay, 0)
        _select(weights, f"{prefix}.{names.lowered}", stay, 1)
    slim = replace(Slim.of(model.network), units=tuple(map(len, units)))
    return Model(rebuilt(model.network, slim, weights), model.tokenizer, model.labels)


def _layers(model: Model, stay: Sequence[Tensor]) -> Iterator[tuple[str, nn.Module, Tensor]]:
    """Yield each layer with its name and the numbers of the parts that stay."""
    names = {module: name for name, module in model.network.named_modules()}
    for layer, each in zip(model.layers, stay, strict=True):
        yield names[layer], layer, each


def _select(weights: dict[str, Tensor], name: str, numbers: Tensor, dimension: int) -> None:
    weights[f"{name}.weight"] = weights[f"{name}.weight"].index_select(dimension, numbers)
    if dimension == 0:
        weights[f"{name}.bias"] = weights[f"{name}.bias"].index_select(0, numbers)
