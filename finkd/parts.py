"""Long results in parts, each an entry of the store: a killed run loses one, and processes share them out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from finkd.progress import Listener, Progress
from finkd.store import Store, address
from finkd.system import processes

Fill = Callable[[Path], int]
"""Writes the files of a part into an empty folder, and returns the number of tokens that were read for it."""


class Parts:
    """Parts of a result.

    Args:
        store: where they are kept.
        key: content address of the result.
        examples: of the whole result.
        size: examples of a part.
        kind: of the entries, for lists of them.
        listen: called after every part that was filled here.
    """

    def __init__(
        self, store: Store, key: str, examples: int, size: int, kind: str, listen: Listener | None = None
    ) -> None:
        self.store, self.key, self.size, self.kind, self.listen = store, key, size, kind, listen
        self.count = max(1, -(-examples // size))
        self._began, self._tokens = time.perf_counter(), 0

    def made(self, number: int, fill: Fill) -> Path:
        """Return the folder of a part; fill it now if it is not stored.

        Raises:
            StoreError: if the store cannot be written.
        """

        def filled(folder: Path) -> None:
            self._tokens += fill(folder)
            if self.listen is not None:
                self.listen(Progress(number + 1, self.count, None, self._tokens, time.perf_counter() - self._began))

        return self.store.filled(self._address(number), {"kind": self.kind}, filled).folder

    def share_out(self, fills: Iterable[Fill]) -> None:
        """Fill all parts, each in one of the processes that ``accelerate launch`` has started, and wait for them."""
        for number, fill in enumerate(fills):
            if number % processes.count() == processes.number():
                self.made(number, fill)
        processes.wait()

    def remove(self) -> None:
        """Remove all parts, because something else holds the result now."""
        for number in range(self.count):
            self.store.remove(self._address(number))

    def _address(self, number: int) -> str:
        return address({"part": number, "of": self.key, "sentences": self.size})
