"""Arrays that grow part by part, in memory or in memory-mapped files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Part = TypeVar("Part")

_TYPES = "types.json"
_OPEN = 64
"""Parts that are open at a time: macOS lets a process open 256 files, and a million sentences have a thousand parts."""


class Growing:
    """Arrays under construction.

    Args:
        folder: an empty folder for their files; ``None`` keeps them in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.parts: dict[str, list[Array]] = {}
        self.types: dict[str, str] = {}

    def add(self, **parts: Array) -> None:
        """Append a part to each array; all parts of an array are flat and of one type."""
        for name, part in parts.items():
            self.types.setdefault(name, part.dtype.str)
            if self.folder is None:
                self.parts.setdefault(name, []).append(part)
            else:
                with (self.folder / name).open("ab") as file:
                    file.write(np.ascontiguousarray(part).data)

    def whole(self) -> dict[str, Array]:
        """Return all arrays by name."""
        if self.folder is None:
            return {name: np.concatenate(parts) for name, parts in self.parts.items()}
        (self.folder / _TYPES).write_text(json.dumps(self.types), encoding="utf-8")
        return mapped(self.folder)


class Joined:
    """Arrays read as one, along their first axis; only a few parts are open at a time.

    Args:
        parts: files of one part or more, or whatever names them.
        read: opens a part, which may be memory-mapped.
    """

    def __init__(self, parts: Sequence[Part], read: Callable[[Part], Array]) -> None:
        self._part = lru_cache(_OPEN)(lambda number: read(parts[number]))
        self._ends = np.cumsum([len(self._part(number)) for number in range(len(parts))])
        first = self._part(0)
        self._row, self._kind = first.shape[1:], first.dtype

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __array__(self, dtype: np.dtype[Any] | None = None, copy: bool | None = None) -> Array:
        """Return all rows as one array in memory, for ``np.asarray``."""
        return self.take(np.arange(len(self))).astype(dtype or self._kind, copy=False)

    def take(self, rows: npt.NDArray[np.int64]) -> Array:
        """Return some rows.

        Example:
            >>> Joined([[[1, 2]], [[3, 4], [5, 6]]], np.array).take(np.array([2, 0])).tolist()
            [[5, 6], [1, 2]]
        """
        part = np.searchsorted(self._ends, rows, side="right")
        found = np.empty((len(rows), *self._row), self._kind)
        is_rising = bool((part[1:] >= part[:-1]).all())
        order = np.arange(len(part)) if is_rising else np.argsort(part, kind="stable")
        for here in np.split(order, np.flatnonzero(np.diff(part[order])) + 1) if len(rows) else ():
            number = int(part[here[0]])
            own = self._part(number)
            found[here] = own[rows[here] - (self._ends[number] - len(own))]
        return found


def mapped(folder: Path) -> dict[str, Array]:
    """Memory-map the arrays of a folder, by name, read-only."""
    types = json.loads((folder / _TYPES).read_text(encoding="utf-8"))
    return {name: _mapped(folder / name, np.dtype(kind)) for name, kind in types.items()}


def _mapped(path: Path, kind: np.dtype[Any]) -> Array:
    if path.stat().st_size == 0:  # which cannot be mapped
        return np.zeros(0, kind)
    return np.memmap(path, kind, "r")
