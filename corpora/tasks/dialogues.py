"""DialogSum: dialogues of two people with their summaries (Chen et al. 2021)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from finkd.corpora.corpus import Source
from finkd.corpora.errors import ConfigError, DataError, listed, quoted
from finkd.corpora.locate import locate
from finkd.corpora.readers.json_files import json_lines
from finkd.corpora.readers.lines import csv_rows, without_packing
from finkd.corpora.tasks.task import SplitData

_FILES = {
    "train": (
        "dialogsum/dialogsum.train.subset.csv.gz",
        "01ec208a4e0f06be3232f87d6e8628415cc8f4c0bbd04a6b27af2bfb5eb61978",
    ),
    "validation": (
        "dialogsum/dialogsum.dev.jsonl.gz",
        "40a9f0a3daf8dbd48376254737fd4b8e9b6a125da54642e9afa5882f76bd45a8",
    ),
    "test": ("dialogsum/dialogsum.test.jsonl.gz", "4542bd7997f5c7147a51ee6f853dcaea812cfa788f04040affeac0aed0f29694"),
}


@dataclass(frozen=True)
class Dialogue:
    """A dialogue with the summaries that people wrote of it.

    Attributes:
        id: its id.
        text: one turn a line, each with its speaker in front.
        summaries: at least one.
    """

    id: str
    text: str
    summaries: tuple[str, ...]


def load_dialogues(folder: str | None = None) -> SplitData[Dialogue]:
    """Load DialogSum, of whose training split the first 601 dialogues are used; or the same files of a folder.

    Args:
        folder: holds a file for ``train``, ``dev`` (or ``validation``) and ``test``, as ``.jsonl`` or ``.csv``, with
            the columns ``dialogue`` and ``summary`` (or ``summary1`` and so on), each perhaps gzipped.

    Raises:
        ConfigError: if the folder lacks a file.
        DataError: if a file breaks the format, or a summary is empty.
        UnavailableError: if DialogSum is not here.
    """
    if folder is None:
        paths = {split: locate(file, Source(checksum)) for split, (file, checksum) in _FILES.items()}
        name = "dialogsum"
    else:
        paths = {split: _only(Path(folder), split) for split in _FILES}
        name = Path(folder).name
    splits = {split: read_dialogues(path) for split, path in paths.items()}
    return SplitData(name, splits, ("train",) if folder is None else ())


def _only(folder: Path, split: str) -> Path:
    names = (split, "dev") if split == "validation" else (split,)
    found = [
        path
        for path in sorted(folder.glob("*"))
        if any(part in names for part in path.name.lower().split(".")) and _reader(path) is not None
    ]
    if len(found) != 1:
        raise ConfigError(f"{folder}: expected one file {split}.jsonl or {split}.csv (found {len(found)})")
    return found[0]


def read_dialogues(path: Path) -> list[Dialogue]:
    """Read the dialogues of a JSON-lines or CSV file.

    Raises:
        DataError: if it breaks the format, or a dialogue or a summary is empty.
    """
    reader = _reader(path)
    if reader is None:
        raise DataError(f"{path}: expected .jsonl or .csv, each perhaps with .gz")
    found = [_dialogue(f"{path}: row {number}", row) for number, (_, row) in enumerate(reader(path), start=1)]
    if not found:
        raise DataError(f"{path}: holds no dialogue")
    return found


def _reader(path: Path) -> Callable[[Path], Iterator[tuple[int, Any]]] | None:
    readers: Mapping[str, Callable[[Path], Iterator[tuple[int, Any]]]] = {
        ".jsonl": json_lines,
        ".csv": partial(csv_rows, headers=(), skip_blank=True),
    }
    return readers.get(Path(without_packing(path.name)).suffix)


def _dialogue(where: str, row: Any) -> Dialogue:
    if not isinstance(row, dict):
        raise DataError(f"{where}: found {quoted(row)}; expected an object with dialogue and summary")
    keys = ["summary"] if "summary" in row else sorted(key for key in row if str(key).startswith("summary"))
    missing = [name for name, is_there in (("dialogue", "dialogue" in row), ("summary", keys)) if not is_there]
    if missing:
        raise DataError(f"{where}: no column {', '.join(missing)} (its columns: {listed(row)})")
    text, summaries = str(row["dialogue"]).strip(), tuple(str(row[key]).strip() for key in keys)
    if not text or not all(summaries):
        raise DataError(f"{where}: the {'dialogue' if not text else 'summary'} is empty")
    names = (row.get("fname"), row.get("id"), where.rpartition(" ")[2])
    return Dialogue(next(str(name) for name in names if name not in (None, "")), text, summaries)
