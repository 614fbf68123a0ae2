"""Attention as plain matrix products, for training on a CPU in bf16."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import sdpa_mask

_NAME = "finkd-plain"
_NEVER = -1e4


def _plain(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float, **_: Any
) -> tuple[Tensor, None]:
    """softmax(q k' * scaling) v, products in the precision of the states, the softmax in fp32.

    Args:
        module: the layer.
        query: (batch, heads, seq, width / heads).
        key: the same shape.
        value: the same shape.
        mask: (batch, 1, 1 or seq, seq) True where there is something to attend to.
        scaling: of the scores.

    Returns:
        (batch, seq, heads, width / heads), and no weights.
    """
    scores = (query * scaling @ key.transpose(2, 3)).float()
    if mask is not None:
        scores = scores.masked_fill_(~mask, _NEVER)
    weights = functional.softmax(scores, dim=-1).to(value.dtype)
    return (weights @ value).transpose(1, 2), None


AttentionInterface.register(_NAME, _plain)
AttentionMaskInterface.register(_NAME, sdpa_mask)


_KERNELS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


@contextlib.contextmanager
def fastest(network: PreTrainedModel) -> Iterator[None]:
    """Use the attention that is fastest for what a network is about to do.

    On a CPU PyTorch's fused kernel is, except for training in bf16: its backward half makes it two to three times as
    slow on sentences (measured at 30 to 128 pieces), and PyTorch's plain products are computed in fp32.
    """
    usual = network.config._attn_implementation
    is_plain = torch.is_grad_enabled() and network.dtype == torch.bfloat16 and network.device.type == "cpu"
    network.config._attn_implementation = _NAME if is_plain else usual
    try:
        with sdpa_kernel(_KERNELS):
            yield
    finally:
        network.config._attn_implementation = usual
