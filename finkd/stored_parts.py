"""Long results in parts, each an entry of the store: a killed run loses one, and processes share them out."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Sequence
from pathlib import Path

from finkd.machine import processes
from finkd.progress import Listener, Progress
from finkd.store import Store

Fill = Callable[[Path], int]
"""Writes the files of a part into an empty folder, and returns the number of tokens that were read for it."""


class Parts:
    """Parts of a result.

    Args:
        store: where they are kept.
        keys: content address of each part. Results that begin alike share the parts whose addresses are the same.
        kind: of the entries, for lists of them.
        listen: called after every part that was filled here.
    """

    def __init__(self, store: Store, keys: Sequence[str], kind: str, listen: Listener | None = None) -> None:
        self.store, self.keys, self.kind, self.listen = store, keys, kind, listen
        self._began, self._tokens = time.perf_counter(), 0

    def made(self, number: int, fill: Fill) -> Path:
        """Return the folder of a part; fill it now if it is not stored.

        Raises:
            StoreError: if the store cannot be written.
        """

        def filled(folder: Path) -> None:
            self._tokens += fill(folder)
            if self.listen is not None:
                self.listen(Progress(number + 1, len(self.keys), None, self._tokens, time.perf_counter() - self._began))

        return self.store.filled(self.keys[number], {"kind": self.kind}, filled).folder

    def share_out(self, fills: Callable[[], Iterable[Fill]]) -> list[Path]:
        """Return the folders of all parts; processes that ``accelerate launch`` has started fill some of them each.

        Args:
            fills: gives those of the parts, in their order, of which one is held at a time; called again only if
                another process has left a part out.

        Raises:
            StoreError: as for ``made``.
        """

        def made(wanted: Container[int]) -> dict[int, Path]:
            return {number: self.made(number, fill) for number, fill in enumerate(fills()) if number in wanted}

        every = range(len(self.keys))
        folders = made(every[processes.number() :: processes.count()])
        processes.wait()
        others = {number: self.store.get(self.keys[number]) for number in every if number not in folders}
        folders |= {number: stored.folder for number, stored in others.items() if stored}
        if missing := [number for number in every if number not in folders]:
            folders |= made(missing)
        return [folders[number] for number in every]
