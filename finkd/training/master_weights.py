"""Master weights in fp32, with working copies in bf16."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from finkd.machine import processes


class MasterWeights:
    """Mixed precision by two sets of weights (Micikevicius et al., arXiv 1710.03740, section 3.1).

    A network whose weights, states and gradients are all bf16 spares the casts that autocast makes at every matrix
    product, which on a CPU take as long as the products. Steps are too small for bf16, so they are made in fp32.

    Args:
        trained: what holds the fp32 parameters, which optimizers change.
        working: what computes, with parameters of the same names; nothing is copied where they are the same ones.
    """

    def __init__(self, trained: nn.Module, working: nn.Module) -> None:
        used = dict(working.named_parameters())
        pairs = [(own, used[name]) for name, own in trained.named_parameters()]
        self.pairs = [(own, used) for own, used in pairs if own is not used and own.requires_grad]
        self.buffers: dict[nn.Parameter, Tensor] = {}
        if processes.count() > 1:
            for _, parameter in self.pairs:
                parameter.register_hook(_added_up)  # type: ignore[no-untyped-call]

    def working(self, trained: Iterable[nn.Parameter]) -> list[nn.Parameter]:
        """Return the working copies of master parameters."""
        used = dict(self.pairs)
        return [used.get(own, own) for own in trained]

    def take_gradients(self) -> None:
        """Move gradients from the working copies to the master weights."""
        dense: list[tuple[Tensor, Tensor]] = []
        for own, used in self.pairs:
            gradient, used.grad = used.grad, None
            if gradient is None or gradient.is_sparse:
                own.grad = None if gradient is None else gradient.to(own.dtype)
                continue
            if own not in self.buffers:
                self.buffers[own] = torch.empty_like(own)
            own.grad = self.buffers[own]
            dense.append((own.grad, gradient))
        if dense:
            torch._foreach_copy_(*map(list, zip(*dense, strict=True)))  # type: ignore[arg-type]

    @torch.no_grad()
    def give_weights(self) -> None:
        """Copy the master weights to the working copies; of sparse ones only the rows that have a gradient."""
        dense: list[tuple[Tensor, Tensor]] = []
        for own, used in self.pairs:
            if own.grad is not None and own.grad.is_sparse:
                rows = own.grad._indices()[0]
                used.index_copy_(0, rows, own.index_select(0, rows).to(used.dtype))
            else:
                dense.append((used, own))
        if dense:
            torch._foreach_copy_(*map(list, zip(*dense, strict=True)))  # type: ignore[arg-type]


def _added_up(gradient: Tensor) -> Tensor:
    """Sum equal rows of a sparse gradient in fp32 before processes exchange it; bf16 sums of ones stop at 256."""
    return gradient.float().coalesce().to(gradient.dtype) if gradient.is_sparse else gradient
