"""Which number format the processor multiplies fastest, found by asking it rather than by timing it.

Timing would make two runs on one machine differ; a processor's features do not change.
"""

from __future__ import annotations

import copy
from typing import Literal, TypeVar, get_args

import torch
from torch import nn

from corpora.errors import ConfigError

Precision = Literal["auto", "fp32", "bf16"]
M = TypeVar("M", bound=nn.Module)


def native_bf16() -> bool:
    """True if bf16 products run in hardware: CUDA from Ampere on, or a CPU with AMX or AVX512-BF16."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    cpu = torch.cpu
    return bool(cpu._is_amx_tile_supported() or cpu._is_avx512_bf16_supported())


def resolve_precision(wanted: str) -> Literal["fp32", "bf16"]:
    """The precision to train in: what was asked for, or what the processor does natively.

    Raises:
        ConfigError: if ``wanted`` is not a precision.
    """
    if wanted not in get_args(Precision):
        raise ConfigError(f"precision: unknown value (got {wanted!r}; choose from {', '.join(get_args(Precision))})")
    if wanted == "auto":
        return "bf16" if native_bf16() else "fp32"
    return "bf16" if wanted == "bf16" else "fp32"


def in_precision(module: M, precision: Literal["fp32", "bf16"]) -> M:
    """A copy that computes in bf16 throughout, or the module itself."""
    return copy.deepcopy(module).bfloat16() if precision == "bf16" else module
