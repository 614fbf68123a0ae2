"""Importance of the heads, units and layers of a trained tagger, and structured pruning of heads and units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

import torch
from torch import Tensor, nn

from finkd.data.batches import Batch, TrainingData, plan
from finkd.losses.cross_entropy import CrossEntropy
from finkd.models.architectures import rebuilt
from finkd.models.layer_overrides import Slim
from finkd.models.layer_parts import head_size, parts
from finkd.models.model import Model
from finkd.training.step import TrainingStep

_TINY = 1e-30


@dataclass(frozen=True)
class Importance:
    """Importance scores of the parts of every layer.

    Attributes:
        heads: of each layer, (heads,).
        units: of each layer, (feed-forward units,).
    """

    heads: tuple[Tensor, ...]
    units: tuple[Tensor, ...]


def by_magnitude(model: Model) -> Importance:
    """Score heads and units by the norm of their weights: the incoming ones times the outgoing ones."""
    heads, units = [], []
    for layer in model.layers:
        names = parts(layer)
        value, attended, raised, lowered = (
            _weight(names.linear(layer, name)) for name in ("value", "attended", "raised", "lowered")
        )
        size = head_size(layer)
        heads.append((_norms(value, 0, size) * _norms(attended, 1, size)).sqrt())
        units.append((_norms(raised, 0, 1) * _norms(lowered, 1, 1)).sqrt())
    return Importance(tuple(heads), tuple(units))


def by_taylor(model: Model, data: TrainingData, batch_tokens: int, seed: int) -> Importance:
    """Score heads and units by the first-order change of the loss when they are removed, averaged over batches.

    The change is that of a gate on the part's output that falls from 1 to 0 (Michel et al. 2019, arXiv 1905.10650,
    section 4.1; Molchanov et al. 2019, arXiv 1906.10771, eq. 8). The outgoing weights of a part are columns of one
    matrix W, so the gate's gradient is the sum of W * dL/dW over these columns. Heads are divided by the norm of their
    layer, as in Michel et al., so that layers can be compared.
    """
    reading = [[parts(layer).linear(layer, name) for name in ("attended", "lowered")] for layer in model.layers]
    sizes = [head_size(layer) for layer in model.layers]
    heads = [
        torch.zeros(_weight(attended).shape[1] // size) for (attended, _), size in zip(reading, sizes, strict=True)
    ]
    units = [torch.zeros(_weight(lowered).shape[1]) for _, lowered in reading]
    step = _step(model)
    for batch in _batches(data, batch_tokens, seed):
        weights = [_weight(each) for pair in reading for each in pair]
        gradients = iter(torch.autograd.grad(step(batch).sum(), weights))
        for number, (attended, lowered) in enumerate(reading):
            gates = [(_weight(each).detach() * next(gradients)).sum(0) for each in (attended, lowered)]
            heads[number] += gates[0].view(-1, sizes[number]).sum(1).abs()
            units[number] += gates[1].abs()
    return Importance(tuple(each / each.norm().clamp_min(_TINY) for each in heads), tuple(units))


def of_layers(model: Model, data: TrainingData, batch_tokens: int, seed: int) -> list[float]:
    """Compute, for each layer, how much the loss rises without it."""
    step = _step(model)
    batches = _batches(data, batch_tokens, seed)
    holder, layers = model.layer_holder, list(model.layers)
    rises = []
    try:
        whole = _loss(step, batches)
        for number in range(len(layers)):
            holder.layer = nn.ModuleList(layers[:number] + layers[number + 1 :])
            rises.append(_loss(step, batches) - whole)
    finally:
        holder.layer = nn.ModuleList(layers)
    return rises


def _step(model: Model) -> TrainingStep:
    return TrainingStep(model, None, [CrossEntropy()], None, torch.device("cpu"), "fp32").train(False)


@torch.no_grad()
def _loss(step: TrainingStep, batches: Sequence[Batch]) -> float:
    return float(sum(step(batch).sum().item() for batch in batches)) / len(batches)


def _batches(data: TrainingData, batch_tokens: int, seed: int) -> list[Batch]:
    return [data.batch(rows) for rows in plan(data.lengths, batch_tokens, seed, 0)]


def _weight(module: nn.Module) -> Tensor:
    return cast(nn.Linear, module).weight


def _norms(weight: Tensor, dimension: int, size: int) -> Tensor:
    """Return the squared norm of each group of ``size`` rows (0) or columns (1)."""
    squares: Tensor = weight.detach().square().sum(1 - dimension)
    return squares.view(-1, size).sum(1)


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
