"""Arrays that grow part by part, in memory or in memory-mapped files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_TYPES = "types.json"


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
    """Arrays read as one, along their first axis.

    Args:
        parts: one or more, which may be memory-mapped.
    """

    def __init__(self, parts: Sequence[Array]) -> None:
        self.parts = parts
        self._ends = np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __array__(self, dtype: np.dtype[Any] | None = None, copy: bool | None = None) -> Array:
        """Return all rows as one array in memory, for ``np.asarray``."""
        return np.concatenate(self.parts, dtype=dtype)

    def take(self, rows: npt.NDArray[np.int64], inner: int | slice = slice(None)) -> Array:
        """Return some rows: all of each, or what stands at a place of the second axis.

        Example:
            >>> Joined([np.array([[1, 2]]), np.array([[3, 4], [5, 6]])]).take(np.array([2, 0]), 1).tolist()
            [6, 2]
        """
        part = np.searchsorted(self._ends, rows, side="right")
        found = np.empty((len(rows), *self.parts[0][:0, inner].shape[1:]), self.parts[0].dtype)
        is_rising = bool((part[1:] >= part[:-1]).all())
        order = np.arange(len(part)) if is_rising else np.argsort(part, kind="stable")
        for here in np.split(order, np.flatnonzero(np.diff(part[order])) + 1) if len(rows) else ():
            number = part[here[0]]
            own = self.parts[number]
            found[here] = own[rows[here] - (self._ends[number] - len(own)), inner]
        return found


def mapped(folder: Path) -> dict[str, Array]:
    """Memory-map the arrays of a folder, by name, read-only."""
    types = json.loads((folder / _TYPES).read_text(encoding="utf-8"))
    return {name: _mapped(folder / name, np.dtype(kind)) for name, kind in types.items()}


def _mapped(path: Path, kind: np.dtype[Any]) -> Array:
    if path.stat().st_size == 0:  # which cannot be mapped
        return np.zeros(0, kind)
    return np.memmap(path, kind, "r")
