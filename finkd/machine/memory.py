"""Memory of this process: its peak, and the reuse of freed memory."""

from __future__ import annotations

import contextlib
import ctypes
import threading
from functools import cache
from types import TracebackType

import psutil

_SECONDS = 0.05

# mallopt(3), malloc.h
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_LARGEST = 2**31 - 1


@cache
def keep_freed_memory() -> None:
    """Have glibc's allocator reuse freed memory; with other allocators do nothing.

    By default glibc returns every large block to the system and gets it again page by page and zeroed, which took a
    fifth of the time of a training step on a CPU.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, _LARGEST)
        mallopt(_TOP_PAD, 1 << 26)


class PeakMemory:
    """Context that samples the process's memory twenty times a second; ``bytes`` is the peak."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.bytes = 0

    def __enter__(self) -> PeakMemory:
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._over.wait(_SECONDS):
            self._look()

    def _look(self) -> None:
        self.bytes = max(self.bytes, self._process.memory_info().rss)
