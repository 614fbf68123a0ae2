"""Energy, from the processor's own counter where it can be read, else estimated from the time that it worked."""

from __future__ import annotations

import time
from pathlib import Path

_RAPL = Path("/sys/class/powercap/intel-rapl:0")
WATTS = 5.0
"""Of a busy core, where nothing better is known: a server processor's 150 to 250 W over its 32 to 64 cores."""


class Meter:
    """Joules since some moment, and where they are from.

    Args:
        counter: folder of the processor's counter (RAPL).
    """

    def __init__(self, counter: Path = _RAPL) -> None:
        self._energy = counter / "energy_uj"
        self._size = self._number(counter / "max_energy_range_uj")
        self._wraps, self._last = 0, self._number(self._energy)
        self.is_measured = self._last is not None

    @property
    def source(self) -> str:
        """In words."""
        if self.is_measured:
            return "RAPL, the first processor"
        return f"estimate: {WATTS:g} W for each busy core"

    def joules(self) -> float | None:
        """Joules since some moment; ``None`` if the counter has stopped answering."""
        if not self.is_measured:
            return time.process_time() * WATTS
        now = self._number(self._energy)
        if now is None:
            return None
        if self._last is not None and now < self._last:
            self._wraps += 1
        self._last = now
        return (self._wraps * (self._size or 0) + now) / 1e6

    @staticmethod
    def _number(path: Path) -> int | None:
        try:
            return int(path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
