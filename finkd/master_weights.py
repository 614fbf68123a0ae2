"""Weights that learn in fp32, beside copies in bf16 that a network computes with."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class MasterWeights:
    """Mixed precision by two sets of weights (Micikevicius et al., arXiv 1710.03740, section 3.1).

    A network whose weights, states and gradients are all bf16 spares the casts that autocast makes at every matrix
    product, which on a CPU take as long as the products. Steps are too small for bf16, so they are made in fp32.

    Args:
        trained: fp32 parameters, which optimizers change.
        working: those that the network computes with, in the same order; nothing is copied where they are the same.
    """

    def __init__(self, trained: Iterable[nn.Parameter], working: Iterable[nn.Parameter]) -> None:
        pairs = [(own, used) for own, used in zip(trained, working, strict=True) if own is not used]
        self.pairs = [(own, used) for own, used in pairs if own.requires_grad]
        self.buffers: dict[nn.Parameter, Tensor] = {}

    def working(self, trained: Iterable[nn.Parameter]) -> list[nn.Parameter]:
        """The parameters that the network computes with in the place of these."""
        used = dict(self.pairs)
        return [used.get(own, own) for own in trained]

    def take_gradients(self) -> None:
        """Move the gradients of a backward pass to the weights that learn."""
        dense: list[tuple[Tensor, Tensor]] = []
        for own, used in self.pairs:
            gradient, used.grad = used.grad, None
            if gradient is None or gradient.is_sparse:
                own.grad = None if gradient is None else gradient.to(own.dtype)
                continue
            own.grad = self.buffers.setdefault(own, torch.empty_like(own))
            dense.append((own.grad, gradient))
        if dense:
            torch._foreach_copy_(*map(list, zip(*dense, strict=True)))  # type: ignore[arg-type]

    @torch.no_grad()
    def give_weights(self) -> None:
        """Let the network compute with what has been learnt; rows without a gradient have not changed."""
        dense: list[tuple[Tensor, Tensor]] = []
        for own, used in self.pairs:
            if own.grad is not None and own.grad.is_sparse:
                rows = own.grad._indices()[0]
                used.index_copy_(0, rows, own.index_select(0, rows).to(used.dtype))
            else:
                dense.append((used, own))
        if dense:
            torch._foreach_copy_(*map(list, zip(*dense, strict=True)))  # type: ignore[arg-type]
