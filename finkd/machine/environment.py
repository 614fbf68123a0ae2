"""Versions and hardware of a run, for its record."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from finkd.machine.device import gpu_name


def environment(precision: str) -> dict[str, Any]:
    """Return versions, processor, threads and precision as JSON values."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    packages = ("torch", "transformers", "tokenizers", "accelerate", "numpy")
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "gpu": gpu_name(),
        "precision": precision,
    }
