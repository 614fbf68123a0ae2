"""Tasks on whole texts: one text or two, and a class or a number for them; readers of their files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Generic, TypeVar

from finkd.corpora.corpus import Corpus, Find
from finkd.corpora.readers.lines import numbered_lines

T = TypeVar("T")


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
class SplitData(Generic[T]):
    """A data set in memory.

    Attributes:
        name: what tables call it.
        splits: split name -> examples; ``train`` is learnt from.
        samples: the splits that are not, or not all of, the published ones.
    """

    name: str
    splits: Mapping[str, Sequence[T]]
    samples: tuple[str, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that a model can see here."""
        return hashlib.sha256(repr(sorted(self.splits.items())).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class TaskData(SplitData[Example]):
    """A task in memory.

    Attributes:
        labels: name of each class, empty if the answer is a number.
    """

    labels: tuple[str, ...] = ()

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
    """Location of a task on the Hugging Face hub.

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

    labels: tuple[str, ...]
    metrics: tuple[str, ...]
    read: Callable[[Find], Mapping[str, Sequence[Example]]]
    hub: Hub
    samples: tuple[str, ...] = ()


def tsv(path: Path, header: Sequence[str] = ()) -> Iterator[dict[str, str]]:
    """Read the rows of a file in which a quotation mark is an ordinary character.

    Args:
        path: the file.
        header: names of the columns, if the file does not begin with them.
    """
    lines = (line for _, line in numbered_lines(path) if line)
    names = header or next(lines).split("\t")
    return (dict(zip(names, line.split("\t"), strict=False)) for line in lines)
