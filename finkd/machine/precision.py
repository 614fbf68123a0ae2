"""Number formats of training and inference.

The format is chosen by the processor's features, not by timing, by which two runs on one machine could differ.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Literal, TypeVar, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from finkd.corpora.errors import ConfigError
from finkd.machine.device import has_gpu

Precision = Literal["auto", "fp32", "bf16"]
M = TypeVar("M", bound=nn.Module)


def native_bf16() -> bool:
    """Return whether bf16 products run in hardware: CUDA from Ampere on, or a CPU with AMX or AVX512-BF16."""
    if has_gpu():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    cpu = torch.cpu
    return bool(cpu._is_amx_tile_supported() or cpu._is_avx512_bf16_supported())


def resolve_precision(wanted: str) -> Literal["fp32", "bf16"]:
    """Return the given precision; for ``"auto"``, bf16 if it is native.

    Raises:
        ConfigError: if ``wanted`` is not a precision.
    """
    if wanted not in get_args(Precision):
        raise ConfigError(f"precision: unknown value (got {wanted!r}; choose from {', '.join(get_args(Precision))})")
    if wanted == "auto":
        return "bf16" if native_bf16() else "fp32"
    return "bf16" if wanted == "bf16" else "fp32"


def in_precision(module: M, precision: Literal["fp32", "bf16"]) -> M:
    """Return a copy in bf16, or the module itself for fp32.

    PyTorch's CPU kernels accumulate gradients in bf16, in which 256 + 1 is 256: over some thousand tokens, those of
    norms and of position embeddings would lose a quarter or more. In the copy these modules accumulate in fp32.
    """
    if precision == "fp32":
        return module
    half = copy.deepcopy(module).bfloat16()
    for name, each in list(half.named_modules()):
        exact = _EXACT.get(type(each))
        if exact is not None and not getattr(each, "sparse", False):
            parent, _, child = name.rpartition(".")
            setattr(half.get_submodule(parent), child, exact(each).train(each.training))
    return half


class _LayerNorm(nn.Module):
    """Layer normalization that accumulates gradients in fp32."""

    def __init__(self, norm: nn.LayerNorm) -> None:
        super().__init__()
        self.weight, self.bias = norm.weight, norm.bias
        self.shape, self.eps = norm.normalized_shape, norm.eps

    def forward(self, states: Tensor) -> Tensor:
        if not torch.is_grad_enabled():  # only gradients are inexact
            return functional.layer_norm(states, self.shape, self.weight, self.bias, self.eps)
        weight, bias = (None if each is None else each.float() for each in (self.weight, self.bias))
        return functional.layer_norm(states.float(), self.shape, weight, bias, self.eps).to(states.dtype)


class _Embedding(nn.Module):
    """Embedding table that accumulates its dense gradient in fp32."""

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        self.weight = table.weight

    def forward(self, ids: Tensor) -> Tensor:
        return self.weight.index_select(0, ids.flatten()).view(*ids.shape, -1)


_EXACT: dict[type[nn.Module], Callable[[Any], nn.Module]] = {nn.LayerNorm: _LayerNorm, nn.Embedding: _Embedding}
