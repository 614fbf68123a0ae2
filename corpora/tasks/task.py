"""Tasks on whole texts: one text or two, and a class or a number for them; readers of their files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from finkd.corpora.corpus import Corpus, Find
from finkd.corpora.errors import DataError, listed
from finkd.corpora.readers.json_files import read_json
from finkd.corpora.readers.lines import numbered_lines
from finkd.corpora.wording import counted


@dataclass(frozen=True)
class Example:
    """One text, or two that are read together, with what is asked of them.

    Attributes:
        first: the text, or the first one of a pair.
        second: the other one of a pair; empty for tasks of one text.
        label: index of its class, or a number where the task asks for one.
    """

    first: str
    second: str
    label: float


@dataclass(frozen=True)
class TaskData:
    """A task in memory.

    Attributes:
        name: registry name.
        labels: name of each class, empty if the answer is a number.
        splits: split name -> examples; ``train`` is learnt from.
        samples: the splits that are only a sample of the published ones.
    """

    name: str
    labels: tuple[str, ...]
    splits: Mapping[str, Sequence[Example]]
    samples: tuple[str, ...] = ()

    @property
    def is_paired(self) -> bool:
        """Whether each example is a pair of texts."""
        return any(example.second for example in self.splits["train"])

    @property
    def scored(self) -> tuple[str, ...]:
        """The splits that are scored: all that are not learnt from."""
        return tuple(split for split in self.splits if split != "train")

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that a model can see here."""
        digest = hashlib.sha256(repr(self.labels).encode())
        for split in sorted(self.splits):
            digest.update(f"\0{split}".encode())
            for example in self.splits[split]:
                digest.update(repr((example.first, example.second, example.label)).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


@dataclass(frozen=True)
class Hub:
    """Where the Hugging Face hub holds a task.

    Attributes:
        path: of the data set.
        config: its configuration.
        texts: names of the columns that hold the texts, one or two.
        splits: finkd's split name -> the hub's.
        label: name of the column that holds the label.
    """

    path: str
    config: str | None
    texts: tuple[str, ...]
    splits: Mapping[str, str]
    label: str = "label"


@dataclass(frozen=True, kw_only=True)
class TextTask(Corpus):
    """A task on whole texts.

    Attributes:
        labels: name of each class, in the order of the hub's ids; empty if the answer is a number.
        metrics: the official ones (``finkd.suites.metrics``); a task's score is their mean.
        read: builds the splits from ``files``, given a function that finds each of them.
        hub: where all of it is, if the files are not here.
        samples: the splits of ``files`` that are only samples.
    """

    kind: ClassVar[str] = "task"

    labels: tuple[str, ...]
    metrics: tuple[str, ...]
    read: Callable[[Find], Mapping[str, Sequence[Example]]]
    hub: Hub
    samples: tuple[str, ...] = ()


def tsv(path: Path, columns: Sequence[str], header: Sequence[str] | None = None) -> Iterator[tuple[str, list[str]]]:
    """Read the rows of a file in which a quotation mark is an ordinary character.

    Yields:
        where the row stands, for messages, and its values.

    Raises:
        DataError: if a column or a value is not there.
    """
    lines = numbered_lines(path)
    names = header or next(lines, (1, ""))[1].split("\t")
    missing = [name for name in columns if name not in names]
    if missing:
        raise DataError(f"{path}: no column {', '.join(missing)} (its columns: {listed(names)})")
    chosen = [list(names).index(name) for name in columns]
    for number, line in lines:
        if not line:
            continue
        values = line.split("\t")
        if len(values) <= max(chosen):
            raise DataError(
                f"{path}: line {number}: {counted(len(values), 'value')}, expected at least {max(chosen) + 1}"
            )
        yield f"{path}: line {number}", [values[place] for place in chosen]


def numbered(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Read the rows of a JSON object that maps numbers to objects; as ``tsv``."""
    rows: Mapping[str, Mapping[str, Any]] = read_json(path)
    if not isinstance(rows, dict) or not all(isinstance(row, dict) for row in rows.values()):
        raise DataError(f"{path}:1: expected an object that maps numbers to objects")
    for number, row in rows.items():
        missing = [name for name in columns if name not in row]
        if missing:
            raise DataError(f"{path}: row {number}: no {', '.join(missing)}")
        yield f"{path}: row {number}", [str(row[name]) for name in columns]


def class_of(where: str, label: str, classes: Mapping[str, int]) -> int:
    """Return the index of a class by what the file calls it.

    Raises:
        DataError: if it has no such class.
    """
    if label not in classes:
        raise DataError(f"{where}: label {label!r}, expected one of {', '.join(classes)}")
    return classes[label]


def number_of(where: str, label: str, low: float, high: float) -> float:
    """Return a label that is a number.

    Raises:
        DataError: if it is none, or out of range.
    """
    try:
        value = float(label)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise DataError(f"{where}: label {label!r}, expected a number between {low:g} and {high:g}")
    return value
