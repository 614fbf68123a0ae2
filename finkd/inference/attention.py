"""Attention as plain matrix products, for training on a CPU in bf16."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import sdpa_mask

_NAME = "finkd-plain"
_NEVER = -1e4
_SCORES_IN_CACHE = 1 << 18
"""Scores of one softmax: its passes over memory are fast while the rows stay in the cache."""


def _plain(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float, **_: Any
) -> tuple[Tensor, None]:
    """softmax(q k' * scaling) v, products in the precision of the states, the softmax in fp32.

    Args:
        module: the layer.
        query: (batch, heads, seq, width / heads).
        key: likewise.
        value: likewise.
        mask: (batch, 1, 1 or seq, seq) True for positions that are attended to.
        scaling: of the scores.

    Returns:
        (batch, seq, heads, width / heads), and no weights.
    """
    mixed: Tensor = _Attention.apply(query * scaling, key, value, mask)  # type: ignore[no-untyped-call]
    return mixed.transpose(1, 2), None


class _Attention(torch.autograd.Function):
    """Products of the whole batch; the softmax of a few sentences at a time, whose fp32 scores stay in the cache."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        weights = query @ key.transpose(2, 3)
        for few in _few(weights):
            scores = weights[few].float()
            if mask is not None:
                scores.masked_fill_(~mask[few], _NEVER)
            weights[few] = functional.softmax(scores, dim=-1)
        ctx.save_for_backward(query, key, value, weights)
        return weights @ value

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        query, key, value, weights = ctx.saved_tensors
        scores = gradients[0] @ value.transpose(2, 3)
        for few in _few(scores):
            ours, at = scores[few].float(), weights[few].float()
            scores[few] = torch._softmax_backward_data(ours, at, -1, torch.float32)
        return scores @ key, scores.transpose(2, 3) @ query, weights.transpose(2, 3) @ gradients[0], None


def _few(scores: Tensor) -> Iterator[slice]:
    """Return slices of sentences whose scores fit the cache."""
    size = max(1, _SCORES_IN_CACHE * len(scores) // max(1, scores.numel()))
    return (slice(start, start + size) for start in range(0, len(scores), size))


@cache
def _register() -> None:
    """Make the plain products known to ``transformers``; later calls do nothing."""
    AttentionInterface.register(_NAME, _plain)
    AttentionMaskInterface.register(_NAME, sdpa_mask)


_KERNELS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


@contextlib.contextmanager
def fastest(network: PreTrainedModel) -> Iterator[None]:
    """Use the fastest attention for training or inference, whichever gradients say.

    On a CPU that is PyTorch's fused kernel, except for training in bf16: its backward pass makes it two to three times
    as slow on sentences (measured at 30 to 128 tokens), and PyTorch's plain products are computed in fp32.

    A family with attention of its own (MPNet) keeps it: it would add the kernel's mask, of booleans, to its scores.
    """
    usual = network.config._attn_implementation
    is_training = torch.is_grad_enabled() and network.dtype == torch.bfloat16 and network.device.type == "cpu"
    is_plain = is_training and usual == "sdpa"
    if is_plain:
        _register()
        network.config._attn_implementation = _NAME
    try:
        with sdpa_kernel(_KERNELS):
            yield
    finally:
        network.config._attn_implementation = usual
