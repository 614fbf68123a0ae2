"""Constraints on trained weights: sparsity or few bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from finkd.training.callbacks import Callback

_PREFIX = "constraint."


class Constraint(Protocol):
    """Maps free weights, which learn, to the constrained weights that a network computes with.

    Gradients are those of the constrained weights, and move the free ones (the straight-through estimator: Bengio et
    al. 2013, arXiv 1308.3432); what a constraint takes away may come back.
    """

    @property
    def names(self) -> frozenset[str]:
        """Names of the constrained parameters."""

    def observe_gradients(self, free: Mapping[str, Tensor]) -> None:
        """Read the gradients of the free weights, before the optimizer step."""

    def apply(self, free: Mapping[str, Tensor], done: float) -> dict[str, Tensor]:
        """Return the constrained weights.

        Args:
            free: the weights that learn.
            done: share of the training that is done.

        Returns:
            by name, weights of the same shapes.
        """

    def state(self) -> dict[str, Tensor]:
        """Return the state that a checkpoint needs."""

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Restore what ``state`` returned."""


class Constrained(Callback):
    """Applies a constraint: free weights learn, constrained copies compute.

    Args:
        constraint: on the latter.
        learning: the network whose weights learn.
        computing: its copy that computes.
    """

    def __init__(self, constraint: Constraint, learning: nn.Module, computing: nn.Module) -> None:
        self.constraint = constraint
        self.free = {name: own for name, own in learning.named_parameters() if name in constraint.names}
        self.used = {name: own for name, own in computing.named_parameters() if name in constraint.names}
        assert set(self.free) == set(self.used) == set(constraint.names)

    @torch.no_grad()
    def before_update(self) -> None:
        """Let the constraint read the gradients."""
        self.constraint.observe_gradients(self.free)

    def begin(self, done: float) -> None:
        """Constrain the weights before the first step."""
        self.after_update(done)

    @torch.no_grad()
    def after_update(self, done: float) -> None:
        """Copy the constrained weights to the network that computes."""
        for name, weight in self.constraint.apply(self.free, done).items():
            self.used[name].copy_(weight)

    @torch.no_grad()
    def end(self, done: float) -> None:
        """Replace the free weights by the constrained ones, in fp32."""
        for name, weight in self.constraint.apply(self.free, done).items():
            self.free[name].copy_(weight)

    def tensors(self) -> dict[str, Tensor]:
        """Return the state of the constraint for a checkpoint."""
        return {f"{_PREFIX}{name}": value for name, value in self.constraint.state().items()}

    def restore(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Restore what ``tensors`` returned."""
        devices = {weight.device for weight in self.free.values()}
        device = devices.pop()
        found = {name: value.to(device) for name, value in tensors.items() if name.startswith(_PREFIX)}
        self.constraint.restore({name.removeprefix(_PREFIX): value for name, value in found.items()})
