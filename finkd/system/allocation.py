"""Memory that a training frees and takes again at every step, kept by the process in the meantime.

By default glibc gives every large block back to the system and gets it anew, page by page and zeroed, which took a
fifth of the time of a step on a CPU.
"""

from __future__ import annotations

import contextlib
import ctypes
from functools import cache

# mallopt(3), malloc.h
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_LARGEST = 2**31 - 1


@cache
def keep_freed_memory() -> None:
    """Let the allocator of this process reuse what is freed; elsewhere than with glibc nothing happens."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, _LARGEST)
        mallopt(_TOP_PAD, 1 << 26)
