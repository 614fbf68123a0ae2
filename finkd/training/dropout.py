"""Dropout with masks that are cheap to draw on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_STEPS = 256
_QUERIES = ("query", "query_proj", "q_lin", "q", "in_proj")
"""Names of the matrix of the queries in the networks of ``transformers``."""


class Dropout(nn.Module):
    """Zeroes values at random while training and scales the others up (Srivastava et al., JMLR 2014).

    PyTorch draws a uniform number for every value, which takes as long as a matrix product of the layer. A byte of
    random bits is enough for a chance in steps of 1/256, and values are scaled for the chance that is used.

    Args:
        chance: of a value to be zeroed; rounded to a multiple of 1/256, below 1.
    """

    def __init__(self, chance: float) -> None:
        super().__init__()
        self.dropped = min(round(chance * _STEPS), _STEPS - 1)

    def forward(self, values: Tensor) -> Tensor:
        """Return values of the same shape; outside training they are unchanged."""
        if not self.training or not self.dropped:
            return values
        return _Drop.apply(values, self.dropped)  # type: ignore[no-untyped-call,no-any-return]


class _Drop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, dropped: int) -> Tensor:
        eight = torch.empty(-(-values.numel() // 8), dtype=torch.int64, device=values.device).random_(-(2**63), None)
        bytes_ = eight.view(torch.uint8)[: values.numel()].view(values.shape)
        kept = (bytes_ >= dropped).to(values.dtype)
        ctx.save_for_backward(kept)
        ctx.scale = _STEPS / (_STEPS - dropped)  # rounded to bf16 it would be too small by a third of a percent
        return (values * kept).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (kept,) = ctx.saved_tensors
        return (gradients[0] * kept).mul_(ctx.scale), None


def set_dropout(network: nn.Module, chance: float) -> None:
    """Replace a network's dropout by this one, and turn attention dropout off."""
    for name, module in list(network.named_modules()):
        if not isinstance(module, (nn.Dropout, Dropout)):
            continue
        parent, _, child = name.rpartition(".")
        owner = network.get_submodule(parent)
        if _drops_attention(owner, child):
            module.p = 0.0  # mostly read by the attention kernel, which is why it stays
        else:
            setattr(owner, child, Dropout(chance).train(module.training))


def _drops_attention(owner: nn.Module, child: str) -> bool:
    """Whether a dropout is that of attention: MPNet calls the one of hidden states after it ``attention.dropout``."""
    return child == "attention_dropout" or (child == "dropout" and any(hasattr(owner, each) for each in _QUERIES))
