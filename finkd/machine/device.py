"""Whether work runs on a GPU or on the processor."""

from __future__ import annotations

import os
from typing import Literal

import torch

_TRUE = ("y", "yes", "t", "true", "on", "1")
"""Values that accelerate takes for true."""


def has_gpu() -> bool:
    """Return whether there is a GPU that may be used; ``ACCELERATE_USE_CPU=1`` forbids it."""
    return torch.cuda.is_available() and os.environ.get("ACCELERATE_USE_CPU", "").lower() not in _TRUE


def fastest_device() -> Literal["cuda", "cpu"]:
    """Return the GPU if there is one, or the processor."""
    return "cuda" if has_gpu() else "cpu"


def gpu_name() -> str | None:
    """Return what the GPU is called; ``None`` without one."""
    return torch.cuda.get_device_name() if has_gpu() else None
