"""Which part of a labelled corpus figures are given on."""

from __future__ import annotations

from corpora.corpus import NerData
from corpora.errors import ConfigError
from corpora.registry import unknown

_PREFERRED = ("test", "validation", "all")


def scored_split(data: NerData, wanted: str | None = None) -> str:
    """The split that is asked for, or else ``test``, ``validation``, or the one split of a single file.

    Raises:
        ConfigError: if the corpus has no such split, or none to choose.
    """
    if wanted is None:
        wanted = next((split for split in _PREFERRED if split in data.splits), _PREFERRED[0])
    if wanted not in data.splits:
        raise ConfigError(unknown(f"splits of {data.name}", wanted, list(data.splits)))
    return wanted
