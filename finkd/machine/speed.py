"""Floating-point operations a second that this machine does now."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import nn

from finkd.machine.device import fastest_device, has_gpu

_TRIES = 5
_LENGTH = 128
_WIDEN = 4
"""Feed-forward units of a layer for each of its dimensions."""


def matmul_speed(precision: str, size: int = 1024) -> float:
    """Return the floating-point operations a second of a square matrix product, the best of tries."""
    matrix = torch.ones(size, size, dtype=_dtype(precision), device=fastest_device())
    return 2 * size**3 / _best(lambda: (matrix @ matrix)[0, 0].item())


def layer_speed(precision: str, width: int = 384, tokens: int = 1024) -> float:
    """Return the floating-point operations a second of an encoder's layer, forward and backward, the best of tries.

    About .4 of those of large products with AVX512-BF16; the ratio depends on the processor.
    """
    layer = nn.TransformerEncoderLayer(
        width, max(1, width // 32), _WIDEN * width, dropout=0, activation="gelu", batch_first=True
    ).to(fastest_device(), _dtype(precision))
    shape = tokens // _LENGTH, _LENGTH, width
    states = torch.ones(shape, dtype=_dtype(precision), device=fastest_device(), requires_grad=True)
    products = 2 * (4 + 2 * _WIDEN) * width**2 + 4 * _LENGTH * width  # of a token: weights and attention
    return 3 * tokens * products / _best(lambda: layer(states).sum().backward())


def _best(work: Callable[[], object]) -> float:
    """The least seconds of the tries."""
    seconds = []
    for _ in range(_TRIES):
        began = time.perf_counter()
        work()
        if has_gpu():
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _dtype(precision: str) -> torch.dtype:
    return torch.bfloat16 if precision == "bf16" else torch.float32
