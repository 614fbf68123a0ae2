"""Unstructured pruning of matrices during training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from finkd.compression.pruning import Scope
from finkd.models.model import Model

By = Literal["magnitude", "movement"]
"""Score of a weight: its size, or its movement away from zero (Sanh et al. 2020, arXiv 2005.07683)."""

_UPDATES = 50


class Sparsity:
    """Constraint that holds a fraction of the weights of some matrices at zero.

    The fraction rises from 0 on a cubic schedule (Zhu and Gupta 2017, arXiv 1710.01878, eq. 1); masks are updated
    ``_UPDATES`` times in the course of the training.

    Args:
        names: of the matrices.
        fraction: of their weights that are zero in the end.
        by: score of a weight.
        scope: of the fraction: each matrix, or all of them together.
        rise: start and end of the rise, as shares of the training; equal ones prune at once.
    """

    def __init__(
        self, names: Sequence[str], fraction: float, by: By, scope: Scope, rise: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        self._names = tuple(names)
        self.fraction, self.by, self.scope, self.rise = fraction, by, scope, rise
        self.scores: dict[str, Tensor] = {}
        self.masks: dict[str, Tensor] = {}
        self.updates = -1

    @property
    def names(self) -> frozenset[str]:
        """Names of the matrices."""
        return frozenset(self._names)

    def observe_gradients(self, free: Mapping[str, Tensor]) -> None:
        """Accumulate the movement of weights away from zero."""
        if self.by == "movement":
            for name in self._names:
                weight = free[name]
                if weight.grad is not None:
                    self.scores[name] = self.scores.get(name, torch.zeros_like(weight)) - weight * weight.grad

    def apply(self, free: Mapping[str, Tensor], done: float) -> dict[str, Tensor]:
        """Return the masked matrices, with new masks if an update is due."""
        update = int(done * _UPDATES)
        if update != self.updates:
            self.updates = update
            self.masks = self._masks(free, self.at(done))
        return {name: free[name] * self.masks[name] for name in self._names}

    def at(self, done: float) -> float:
        """Return the fraction of zeros when a share of the training is done."""
        start, end = self.rise
        if done >= end:
            return self.fraction
        if done <= start:
            return 0.0
        left = 1 - (done - start) / (end - start)
        return self.fraction * (1 - left**3)

    def state(self) -> dict[str, Tensor]:
        """Return scores and masks."""
        kinds = {"scores": self.scores, "masks": self.masks}
        found = {f"{kind}.{name}": value for kind, held in kinds.items() for name, value in held.items()}
        return {**found, "updates": torch.tensor([self.updates])}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Restore scores and masks."""
        self.updates = int(state["updates"])
        for kind, held in {"scores": self.scores, "masks": self.masks}.items():
            held |= {name.removeprefix(f"{kind}."): value for name, value in state.items() if name.startswith(kind)}

    def _masks(self, free: Mapping[str, Tensor], fraction: float) -> dict[str, Tensor]:
        scores = {name: free[name].abs() for name in self._names}
        if self.by == "movement":
            scores |= self.scores  # empty before the first step
        if self.scope == "layer":
            return {name: _largest(each, fraction) for name, each in scores.items()}
        together = _largest(torch.cat([each.flatten() for each in scores.values()]), fraction)
        parts = torch.split(together, [each.numel() for each in scores.values()])
        return {name: part.view_as(scores[name]) for name, part in zip(scores, parts, strict=True)}


def _largest(scores: Tensor, fraction: float) -> Tensor:
    """Return a mask with 0 for a fraction of the lowest scores, of equal ones the last, and 1 for the others."""
    gone = round(fraction * scores.numel())
    if not gone:
        return torch.ones_like(scores)
    flat = scores.flatten()
    threshold = flat.kthvalue(gone).values
    mask = flat >= threshold
    equal = (flat == threshold).nonzero().flatten()
    mask[equal[len(equal) - gone + int((~mask).sum()) :]] = False
    return mask.view_as(scores).to(scores.dtype)


def prunable(model: Model) -> list[str]:
    """Return the names of the matrices of all layers, factors of low rank included, shared ones once."""
    layers = {id(weight) for layer in model.layers for weight in layer.parameters() if weight.ndim > 1}
    return [name for name, weight in model.network.named_parameters() if id(weight) in layers]


def packed_bytes(weight: Tensor) -> int:
    """Return the bytes of a matrix stored without zeros: a bit for each weight, and fp32 for nonzero ones."""
    return -(-weight.numel() // 8) + 4 * int(weight.count_nonzero())
