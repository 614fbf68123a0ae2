"""What the processor can do, found without PyTorch where that is possible."""

from __future__ import annotations

from pathlib import Path

_VNNI = frozenset({"avx512_vnni", "avx_vnni"})
CPUINFO = Path("/proc/cpuinfo")
"""Where Linux tells what the processor can do."""


def has_vnni() -> bool:
    """Return whether the processor adds products of 8 bits in 32 bits (AVX512-VNNI or AVX-VNNI).

    It is taken for one that does not if nothing tells: not on Linux, and without PyTorch.
    """
    try:
        said = CPUINFO.read_text(encoding="utf-8")
    except OSError:  # another system
        try:
            import torch
        except ImportError:
            return False
        return any(torch.cpu.get_capabilities().get(each) for each in _VNNI)
    return not _VNNI.isdisjoint(said.split())
