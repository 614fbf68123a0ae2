"""Labelled corpora of the Hugging Face hub, or of folders as its library ``datasets`` writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from finkd.corpora.corpus import Splits
from finkd.corpora.errors import ConfigError, DataError, UnavailableError, first_line, listed
from finkd.corpora.readers.annotation_tools import TAGS
from finkd.corpora.readers.offsets import Offsets
from finkd.corpora.readers.records import sentences_of
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import Scheme

PREFIX = "hf:"
_WRONG_CONFIGURATION = ("Config name is missing", "BuilderConfig ")
"""Beginnings of the messages of ``datasets`` about configurations, which have no class of their own."""
_NOT_CACHED = "Couldn't find cache for"
"""Likewise, where the hub cannot be reached and its cache holds another configuration."""


def is_hub(name: object) -> bool:
    """Return whether a name is one of the hub's."""
    return isinstance(name, str) and name.startswith(PREFIX)


def read_hub(name: str, splits: Mapping[str, str], scheme: Scheme, offsets: Offsets) -> Splits:
    """Read the splits of a dataset; numbers of labels are turned into the names that the dataset has for them.

    Code of a dataset is never run: ``datasets`` reads data files alone since version 4.

    Args:
        name: ``"hf:OWNER/NAME"``, or ``"hf:OWNER/NAME:CONFIGURATION"``; the first part may be a folder.
        splits: name of a split in the dataset -> our name for it.
        scheme: how its tags are written.
        offsets: what the offsets of its spans count.

    Raises:
        UnavailableError: if it is neither in the cache nor to be had.
        ConfigError: if it has several configurations and none is named.
        DataError: if it is damaged, or has no labelled words or spans.
    """
    repository, _, configuration = name.removeprefix(PREFIX).partition(":")
    data = from_hub(name, repository, configuration or None)
    found = {splits[each]: data[each] for each in data if each in splits}
    if not found:
        raise DataError(f"{name}: found the splits {listed(list(data))}; expected train, validation or test")
    return {ours: list(_sentences(f"{name} {ours}", rows, scheme, offsets)) for ours, rows in found.items()}


def from_hub(name: str, repository: str, configuration: str | None, split: str | None = None) -> Any:
    """Return a dataset of the hub, or of a folder, as its library ``datasets`` loads it.

    Args:
        name: what messages call it.
        repository: on the hub, or a folder.
        configuration: one of its configurations.
        split: one of its splits; ``None`` gives all, by name.

    Raises:
        UnavailableError: if it is neither in the cache nor to be had.
        ConfigError: if it has several configurations and none is named, or lacks the one that is.
        DataError: if it is damaged.
    """
    import datasets

    try:
        return datasets.load_dataset(repository, configuration, split=split)
    except OSError as error:
        raise UnavailableError(
            f"{name}: is not on the hub, or the hub cannot be reached ({first_line(error)})"
        ) from error
    except Exception as error:  # of datasets, or of one of the parsers that it calls
        if str(error).startswith(_NOT_CACHED):
            raise UnavailableError(f"{name}: the hub cannot be reached ({first_line(error)})") from error
        if isinstance(error, ValueError) and str(error).startswith(_WRONG_CONFIGURATION):
            raise ConfigError(f"{name}: {first_line(error)}; name one as {PREFIX}{repository}:NAME") from error
        raise DataError(f"{name}: cannot be read ({first_line(error.__cause__ or error)})") from error


def _sentences(where: str, rows: Any, scheme: Scheme, offsets: Offsets) -> Iterator[Sentence]:
    names = {column: _label_names(rows.features[column]) for column in TAGS if column in rows.features}

    def named(row: dict[str, Any], where: str) -> dict[str, Any]:
        return row | {
            column: _named(row[column], labels, f"{where}: {column}")
            for column, labels in names.items()
            if labels is not None and row[column] is not None
        }

    places = ((f"{where} row {number}", row) for number, row in enumerate(rows))
    return sentences_of(((place, named(row, place)) for place, row in places), where, scheme, offsets)


def _named(numbers: Sequence[int | None], labels: Sequence[str], where: str) -> list[str]:
    for number in numbers:
        if number is None or not 0 <= number < len(labels):  # -1 and -100 mark words without a label
            raise DataError(f"{where} found {number}; expected 0 to {len(labels) - 1}, the numbers of the labels")
    return [labels[number] for number in numbers if number is not None]


def _label_names(feature: Any) -> list[str] | None:
    """Return the names of a column of numbered labels; ``None`` for a column of text."""
    names: list[str] | None = getattr(getattr(feature, "feature", None), "names", None)
    return names
