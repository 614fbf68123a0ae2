"""Map the label distributions of any tagger to the IOB2 labels of a corpus."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from finkd.corpora.errors import ConfigError
from finkd.corpora.registry import unknown
from finkd.corpora.tags import OUTSIDE, entity_types, label_names
from finkd.corpora.wording import counted

Probabilities = npt.NDArray[np.floating[Any]]
TeacherScheme = Literal["IO", "IOB1", "IOB2", "BIOES"]
OTHERS = "*"
"""In a map of types: all that it does not name."""

LEAST = 1e-9
"""Probability of a label that a tagger rules out, since a student learns from logarithms."""

_PREFIXED = re.compile(r"([BIMESLU])[-_](.+)")
_BEGINS, _ENDS = "BSU", "EMSLU"
_MOST_SHOWN = 12


@dataclass(frozen=True)
class LabelReading:
    """Settings that read a tagger's labels as those of a corpus.

    Attributes:
        labels: type of the tagger -> type of the corpus, or ``O``; ``*`` stands for all types that are not named.
        scheme: how the labels are read: ``IO`` has ``I-X`` or ``X`` alone, ``BIOES`` may also spell ``L``, ``M`` and
            ``U``.
            By default the labels tell it; those of IOB1 look like IOB2's.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    scheme: TeacherScheme | None = None


@dataclass(frozen=True)
class LabelMap:
    """Linear map from a tagger's label distributions to those of a corpus.

    Attributes:
        scheme: of the tagger.
        begins: (theirs, types) True where a label begins an entity of a type.
        inside: (theirs, types) True where a label goes on with one.
        labels: IOB2 labels of the corpus.
    """

    scheme: TeacherScheme
    begins: npt.NDArray[np.float64]
    inside: npt.NDArray[np.float64]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, theirs: Sequence[str], labels: Sequence[str], reading: LabelReading, name: str) -> LabelMap:
        """Build the map.

        Args:
            theirs: labels of the tagger, in the order of its outputs.
            labels: IOB2 labels of the corpus, ``O`` first.
            reading: settings that name what differs.
            name: of the tagger, for messages.

        Raises:
            ConfigError: if a type of one side has no counterpart on the other.
        """
        parsed = parse_labels(theirs, name)
        types = entity_types(labels)
        renamed = _renamed([type_ for _, type_ in parsed], types, reading, name)
        if missing := [type_ for type_ in types if type_ not in renamed]:
            raise ConfigError(
                f"{name}: has no label for {_listed(missing)}; map one of its types to each "
                f"(labels: {{{_first(parsed)}: {missing[0]}}}; it has {_listed(_types(parsed))})"
            )
        scheme = reading.scheme or scheme_of(theirs)
        if scheme in ("IOB2", "BIOES") and not any(prefix in _BEGINS for prefix, _ in parsed):
            instead = "leave it out" if reading.scheme else "set it to IO, which needs none"
            raise ConfigError(
                f"{name}: scheme: no label begins an entity, as in {scheme} (it has {_listed(theirs)}); {instead}"
            )
        begins, inside = np.zeros((2, len(theirs), len(types)))
        for row, ((prefix, _), type_) in enumerate(zip(parsed, renamed, strict=True)):
            if type_ != OUTSIDE:
                (begins if prefix in _BEGINS else inside)[row, types.index(type_)] = 1
        return cls(scheme, begins, inside, tuple(labels))

    def __call__(self, theirs: Probabilities) -> Probabilities:
        """Map the distributions of one sentence's words.

        A tagger that does not mark where an entity begins (IO, and IOB1 but for neighbours) begins one where the word
        before is not inside one of the same type; the words are taken as independent.

        Args:
            theirs: (words, theirs) probabilities; NaN for words that no token covers.

        Returns:
            (words, labels) probabilities in the order of ``labels``; NaN stays.
        """
        begins, inside = theirs @ self.begins, theirs @ self.inside
        if self.scheme in ("IO", "IOB1"):
            before = np.zeros_like(inside)
            before[1:] = np.nan_to_num((begins + inside)[:-1])
            begins, inside = begins + inside * (1 - before), inside * before
        found = np.zeros((len(theirs), len(self.labels)))
        begin, go_on, outside = self._columns
        found[:, begin], found[:, go_on] = begins, inside
        found[:, outside] = 1 - found.sum(axis=1)
        return found

    @cached_property
    def _columns(self) -> tuple[list[int], list[int], int]:
        """The columns of ``B-`` and ``I-`` of each type, and that of ``O``."""
        places = {label: place for place, label in enumerate(self.labels)}
        types = entity_types(self.labels)
        begin, go_on = ([places[f"{prefix}-{type_}"] for type_ in types] for prefix in "BI")
        return begin, go_on, places[OUTSIDE]


def corpus_labels(theirs: Sequence[str], reading: LabelReading, name: str) -> tuple[str, ...]:
    """Return the IOB2 labels of a tagger's own types, as a corpus of them would have.

    Raises:
        ConfigError: if no type is left.
    """
    parsed = parse_labels(theirs, name)
    bare = [label for label in theirs if label != OUTSIDE and not _PREFIXED.fullmatch(label)]
    if len(bare) < len(theirs) - 1 and (odd := [] if OTHERS in reading.labels else [*{*bare} - {*reading.labels}]):
        raise ConfigError(
            f"{name}: {_listed(sorted(odd))}: no prefix, where other labels have one; say what it is "
            f"(labels: {{{min(odd)}: O}})"
        )
    types = dict.fromkeys(_renamed([type_ for _, type_ in parsed], None, reading, name))
    types.pop(OUTSIDE, None)
    if not types:
        raise ConfigError(f"{name}: no entity type is left of its labels; map one to another name than O")
    return label_names(types)


def scheme_of(labels: Sequence[str]) -> TeacherScheme:
    """Return the scheme that labels look like."""
    prefixes = {prefix for prefix, _ in parse_labels(labels, "labels")}
    if prefixes & set(_ENDS):
        return "BIOES"
    return "IOB2" if "B" in prefixes else "IO"


def parse_labels(labels: Sequence[str], name: str) -> list[tuple[str, str]]:
    """Split labels into prefix and type; ``O`` has neither, and a label without prefix is inside a type of its name.

    Raises:
        ConfigError: if there is no ``O``, or these are no labels of entities.
    """
    if OUTSIDE not in labels:
        raise ConfigError(f"{name}: its labels have no {OUTSIDE!r} (got {_listed(labels)}); give a tagger of entities")
    found = []
    for label in labels:
        match = _PREFIXED.fullmatch(label)
        found.append((OUTSIDE, OUTSIDE) if label == OUTSIDE else (match[1], match[2]) if match else ("I", label))
    return found


def _renamed(types: Sequence[str], ours: Sequence[str] | None, reading: LabelReading, name: str) -> list[str]:
    """Return the corpus's type of each label; without ``ours`` any is right."""
    known = [*dict.fromkeys(type_ for type_ in types if type_ != OUTSIDE)]
    for given in reading.labels:
        if given not in known and given != OTHERS:
            raise ConfigError(f"{name}: labels: {unknown('types of the teacher', given, known)}")
    found = []
    for type_ in types:
        rest = reading.labels.get(OTHERS, type_) if type_ != OUTSIDE else type_
        found.append(reading.labels.get(type_, rest))
    extra = [] if ours is None else sorted({type_ for type_ in found if type_ not in (*ours, OUTSIDE)})
    if extra:
        raise ConfigError(
            f"{name}: has {counted(len(extra), 'type')} that the corpus has not ({_listed(extra)}); "
            f"map each to one of {_listed(ours or ())} or to O (labels: {{{extra[0]}: O}})"
        )
    return found


def _types(parsed: Sequence[tuple[str, str]]) -> list[str]:
    return [*dict.fromkeys(type_ for _, type_ in parsed if type_ != OUTSIDE)]


def _first(parsed: Sequence[tuple[str, str]]) -> str:
    return next(iter(_types(parsed)), "TYPE")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST_SHOWN]) + (", ..." if len(names) > _MOST_SHOWN else "")


def as_scores(probabilities: Probabilities) -> npt.NDArray[np.float32]:
    """Return log-probabilities as a tagger's logits; what is ruled out has the logarithm of ``LEAST``."""
    return np.log(np.maximum(probabilities, LEAST)).astype(np.float32)
