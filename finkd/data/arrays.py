"""Arrays that grow part by part, in memory or in memory-mapped files."""

from __future__ import annotations

import json
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


def mapped(folder: Path) -> dict[str, Array]:
    """Memory-map the arrays of a folder, by name, read-only."""
    types = json.loads((folder / _TYPES).read_text(encoding="utf-8"))
    return {name: _mapped(folder / name, np.dtype(kind)) for name, kind in types.items()}


def _mapped(path: Path, kind: np.dtype[Any]) -> Array:
    if path.stat().st_size == 0:  # which cannot be mapped
        return np.zeros(0, kind)
    return np.memmap(path, kind, "r")
