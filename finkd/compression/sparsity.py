"""Matrices with zeros: which weights go, and when, while the others learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from finkd.compression.pruning import Scope
from finkd.models.model import Model

By = Literal["magnitude", "movement"]
"""The size of a weight, or how far its gradients have moved it away from zero (Sanh et al. 2020, arXiv 2005.07683)."""

_UPDATES = 50


class Sparsity:
    """A constraint that holds a fraction of some matrices at zero.

    The fraction rises from 0 with the cube of what is left of the rise (Zhu and Gupta 2017, arXiv 1710.01878, eq. 1);
    which weights go is decided anew ``_UPDATES`` times in the course of the training.

    Args:
        names: of the matrices.
        fraction: of their weights that are zero in the end.
        by: what is judged.
        scope: whether each matrix loses as much, or the least important weights go wherever they are.
        rise: the parts of the training between which the fraction rises; an empty one prunes at once.
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
        """Of the matrices."""
        return frozenset(self._names)

    def look(self, free: Mapping[str, Tensor]) -> None:
        """Add up how far gradients move weights away from zero."""
        if self.by == "movement":
            for name in self._names:
                weight = free[name]
                if weight.grad is not None:
                    self.scores[name] = self.scores.get(name, torch.zeros_like(weight)) - weight * weight.grad

    def apply(self, free: Mapping[str, Tensor], done: float) -> dict[str, Tensor]:
        """The matrices with their zeros."""
        update = int(done * _UPDATES)
        if update != self.updates:
            self.updates = update
            self.masks = self._masks(free, self.at(done))
        return {name: free[name] * self.masks[name] for name in self._names}

    def at(self, done: float) -> float:
        """Share of zeros when a part of the training is done."""
        start, end = self.rise
        if done >= end:
            return self.fraction
        if done <= start:
            return 0.0
        left = 1 - (done - start) / (end - start)
        return self.fraction * (1 - left**3)

    def state(self) -> dict[str, Tensor]:
        """SelectedLogits and masks."""
        kinds = {"scores": self.scores, "masks": self.masks}
        found = {f"{kind}.{name}": value for kind, held in kinds.items() for name, value in held.items()}
        return {**found, "updates": torch.tensor([self.updates])}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take them back."""
        self.updates = int(state["updates"])
        for kind, held in {"scores": self.scores, "masks": self.masks}.items():
            held |= {name.removeprefix(f"{kind}."): value for name, value in state.items() if name.startswith(kind)}

    def _masks(self, free: Mapping[str, Tensor], fraction: float) -> dict[str, Tensor]:
        judged = {name: self._judged(name, free[name]) for name in self._names}
        if self.scope == "layer":
            return {name: _largest(each, fraction) for name, each in judged.items()}
        together = _largest(torch.cat([each.flatten() for each in judged.values()]), fraction)
        parts = torch.split(together, [each.numel() for each in judged.values()])
        return {name: part.view_as(judged[name]) for name, part in zip(judged, parts, strict=True)}

    def _judged(self, name: str, weight: Tensor) -> Tensor:
        if self.by == "magnitude":
            return weight.abs()
        return self.scores.get(name, weight.abs())  # before anything has moved


def _largest(scores: Tensor, fraction: float) -> Tensor:
    """1 where a score is among those that stay, 0 for the ``share`` of the lowest; of equal ones the last go."""
    mask = torch.ones_like(scores)
    gone = round(fraction * scores.numel())
    if gone:
        mask.view(-1)[scores.flatten().argsort(descending=True, stable=True)[-gone:]] = 0
    return mask


def prunable(model: Model) -> list[str]:
    """Names of the matrices of all layers, those of low rank too and shared ones once, as the network calls them."""
    layers = {id(weight) for layer in model.layers for weight in layer.parameters() if weight.ndim > 1}
    return [name for name, weight in model.network.named_parameters() if id(weight) in layers]


def packed_bytes(weight: Tensor) -> int:
    """Bytes of a matrix whose zeros are left out: a bit for each place, and fp32 for what is not zero."""
    return -(-weight.numel() // 8) + 4 * int(weight.count_nonzero())
