"""References to the literature, and which of them each name of a registry goes back to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from finkd.corpora.errors import UnknownNameError
from finkd.losses import losses

KINDS = {
    "strategies": "Strategies",
    "stages": "Stages",
    "losses": "Losses",
    "recipes": "Recipes of losses",
    "transfers": "Embedding transfers",
    "maps": "Vocabulary maps",
    "vocabularies": "Vocabulary training",
    "baselines": "Baselines",
    "corpora": "Corpora",
    "tasks": "General tasks",
    "suites": "Suites of general tasks",
    "methods": "Measuring, tuning and the rest",
}
"""What may be cited, with its heading; all but the last are registries."""


@dataclass(frozen=True)
class Reference:
    """A published work.

    Attributes:
        key: by which it is cited.
        authors: full names; ``others`` stands for those left out.
        title: as published.
        year: of publication.
        venue: where it appeared, if not on arXiv alone.
        arxiv: its number there, if it has one.
    """

    key: str
    authors: tuple[str, ...]
    title: str
    year: int
    venue: str = ""
    arxiv: str = ""

    @property
    def short(self) -> str:
        """Such as ``Gordon and Duh 2020``."""
        names = [name.split()[-1] for name in self.authors]
        if len(names) > 2 or names[-1] == "others":
            return f"{names[0]} et al. {self.year}"
        return f"{' and '.join(names)} {self.year}"

    @property
    def full(self) -> str:
        """Authors, year, title and place as one line of plain text."""
        place = ", ".join(filter(None, [self.venue, self.arxiv and f"arXiv {self.arxiv}"]))
        names = ", ".join("et al." if name == "others" else name for name in self.authors)
        return f"{names} ({self.year}). {self.title}. {place}."


@cache
def references() -> Mapping[str, Reference]:
    """Return all works by their keys, sorted."""
    found = _held()["references"]
    return {
        key: Reference(
            key,
            tuple(each["authors"]),
            each["title"],
            each["year"],
            each.get("in", ""),
            each.get("arxiv", ""),
        )
        for key, each in sorted(found.items())
    }


def cited(kind: str, name: str) -> tuple[Reference, ...]:
    """Return the works that a name goes back to; none for what is finkd's own, or another package's.

    Raises:
        UnknownNameError: if nothing of this kind is cited.
    """
    if kind not in KINDS:
        raise UnknownNameError(f"literature: nothing of the kind {kind!r} is cited (choose from {', '.join(KINDS)})")
    return tuple(references()[key] for key in names(kind).get(name, ()))


def names(kind: str) -> Mapping[str, tuple[str, ...]]:
    """Return the names of a kind with the keys of their references."""
    if kind == "losses":
        return {name: entry.papers for name, entry in losses.entries().items() if entry.package is None}
    return {name: tuple(keys) for name, keys in _held()["cited"][kind].items()}


def bibtex(chosen: Iterable[Reference] | None = None) -> str:
    """Write references as a BibTeX file."""
    return "\n".join(_entry(each) for each in (references().values() if chosen is None else chosen))


def _entry(reference: Reference) -> str:
    fields = {
        "author": " and ".join(reference.authors),
        "title": f"{{{reference.title}}}",
        "year": str(reference.year),
        "booktitle": reference.venue,
        "eprint": reference.arxiv,
        "archiveprefix": "arXiv" if reference.arxiv else "",
    }
    kind = "inproceedings" if reference.venue else "misc"
    escaped = {name: re.sub("[&%#]", r"\\\g<0>", value) for name, value in fields.items() if value}
    lines = [f"  {name} = {{{value}}}," for name, value in escaped.items()]
    return "\n".join([f"@{kind}{{{reference.key},", *lines, "}", ""])


@cache
def _held() -> Any:
    return yaml.safe_load((files(__name__) / "references.yaml").read_text(encoding="utf-8"))
