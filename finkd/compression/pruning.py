"""Importance of the heads, units and layers of a trained tagger, and structured pruning of heads and units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from finkd.data.batches import Batch, TrainingData
from finkd.data.sampler import plan
from finkd.losses.cross_entropy import CrossEntropy
from finkd.models.architectures import rebuilt
from finkd.models.layer_overrides import head_size, linear, linear_paths
from finkd.models.model import Model
from finkd.training.step import TrainingStep

_TINY = 1e-30


Part = Literal["heads", "units"]
"""Attention heads, or units of the feed-forward half."""

Importance = dict[Part, list[Tensor]]
"""Importance scores of the parts of every layer: (heads,) and (feed-forward units,) for each."""


def by_magnitude(model: Model) -> Importance:
    """Score heads and units by the norm of their weights: the incoming ones times the outgoing ones."""
    found: Importance = {"heads": [], "units": []}
    for layer in model.layers:
        value, attended, raised, lowered = (
            linear(layer, name).weight for name in ("value", "attended", "raised", "lowered")
        )
        size = head_size(layer)
        found["heads"].append((_norms(value, 0, size) * _norms(attended, 1, size)).sqrt())
        found["units"].append((_norms(raised, 0, 1) * _norms(lowered, 1, 1)).sqrt())
    return found


def by_taylor(model: Model, data: TrainingData, batch_tokens: int, seed: int) -> Importance:
    """Score heads and units by the first-order change of the loss when they are removed, averaged over batches.

    The change is that of a gate on the part's output that falls from 1 to 0 (Michel et al. 2019, arXiv 1905.10650,
    section 4.1; Molchanov et al. 2019, arXiv 1906.10771, eq. 8). The outgoing weights of a part are columns of one
    matrix W, so the gate's gradient is the sum of W * dL/dW over these columns. Heads are divided by the norm of their
    layer, as in Michel et al., so that layers can be compared.
    """
    sizes = [head_size(layer) for layer in model.layers]
    weights = [linear(layer, name).weight for name in ("attended", "lowered") for layer in model.layers]
    total: list[Any] = [0.0] * len(weights)
    step = _step(model)
    for batch in _batches(data, batch_tokens, seed):
        gradients = torch.autograd.grad(step(batch).sum(), weights)
        for place, (weight, gradient) in enumerate(zip(weights, gradients, strict=True)):
            gates = (weight.detach() * gradient).sum(0)
            size = sizes[place] if place < len(sizes) else 1
            total[place] += gates.view(-1, size).sum(1).abs()
    heads, units = total[: len(sizes)], total[len(sizes) :]
    return {"heads": [each / each.norm().clamp_min(_TINY) for each in heads], "units": units}


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


def keep_parts(model: Model, what: Part, numbers: Sequence[Tensor]) -> Model:
    """Return a copy with only some of the heads or of the feed-forward units, given by their numbers in each layer."""
    weights = model.network.state_dict()
    into, out = (("query", "key", "value"), "attended") if what == "heads" else (("raised",), "lowered")
    for prefix, layer, stay in zip(model.layer_names, model.layers, numbers, strict=True):
        paths, size = linear_paths(layer), head_size(layer) if what == "heads" else 1
        rows = (stay[:, None] * size + torch.arange(size)).flatten()
        for name in [f"{prefix}.{paths[each]}.{kind}" for each in into for kind in ("weight", "bias")]:
            weights[name] = weights[name].index_select(0, rows)
        name = f"{prefix}.{paths[out]}.weight"
        weights[name] = weights[name].index_select(1, rows)
    counts: dict[str, Any] = {what: tuple(map(len, numbers))}
    return rebuilt(model, replace(model.slim, **counts), weights)
