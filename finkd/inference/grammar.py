"""Which labels may follow which under IOB2, and the words of sentences in the order in which sequences are built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from finkd.corpora.tags import OUTSIDE

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Grammar:
    """Transitions between labels: ``I-X`` follows ``B-X`` and ``I-X`` alone, other labels follow any.

    Attributes:
        types: (labels,) number of each label's entity type.
        continues: (labels,) True for ``I-`` labels, which cannot begin a sentence either.
        inside: (inside,) the ``I-`` labels.
        before: (inside, 2) labels that each of them may follow, the lowest first; a single one is repeated.
        numbers: entity type -> its number.
        begins: (types,) label ``B-`` of each type, -1 for types without one.
        goes_on: (types,) label ``I-`` of each type, likewise.
    """

    types: Ints
    continues: Bools
    inside: Ints
    before: Ints
    numbers: Mapping[str, int]
    begins: Ints
    goes_on: Ints


@lru_cache(maxsize=16)
def grammar(labels: tuple[str, ...]) -> Grammar:
    """Build the grammar of some labels, in any order."""
    names = [label[2:] for label in labels]
    index = {label: number for number, label in enumerate(labels)}
    members: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        members.setdefault(name, []).append(place)
    numbers = {name: number for number, name in enumerate(members)}
    inside = [place for place, label in enumerate(labels) if label.startswith("I-")]
    most = max((len(members[names[place]]) for place in inside), default=1)
    before = [(members[names[place]] * most)[:most] for place in inside]
    return Grammar(
        np.array([numbers[name] for name in names]),
        np.array([label.startswith("I-") for label in labels]),
        np.array(inside, np.int64),
        np.sort(np.array(before, np.int64).reshape(len(inside), most), axis=1),
        numbers,
        *(np.array([index.get(f"{letter}-{name}", -1) for name in numbers]) for letter in "BI"),
    )


def transitions(labels: Sequence[str]) -> tuple[Ints, Bools]:
    """Return the labels that each ``I-`` may follow, and which labels may follow any and come first.

    Returns:
        (labels, most) the former, filled up with -1, which alone stands for labels that are no ``I-``; (labels,) True
        for these.

    Example:
        >>> before, free = transitions(("O", "B-ORG", "I-ORG"))
        >>> before.tolist(), free.tolist()
        ([[-1, -1], [-1, -1], [1, 2]], [True, True, False])
    """
    rules = grammar(tuple(labels))
    before = np.full((len(labels), rules.before.shape[1]), -1)
    before[rules.inside] = rules.before
    before[:, 1:][before[:, 1:] == before[:, :-1]] = -1
    return before, ~rules.continues


def finite(scores: Sequence[npt.NDArray[np.float32]], labels: Sequence[str]) -> Floats:
    """Concatenate the logits of sentences; a row of NaN, of a word without a token, becomes certainly O."""
    table = np.concatenate([np.zeros((0, len(labels))), *scores])
    table[np.isnan(table).any(axis=1)] = np.where(np.array(labels) == OUTSIDE, 0.0, -1e6)
    return table


def by_word(first: Ints, counts: Ints) -> Iterator[tuple[int, Ints]]:
    """Yield all first words, all second ones and so on.

    Args:
        first: (sentences,) row of each sentence's first word in a table of all words, the longest sentence first.
        counts: (sentences,) words of each.

    Yields:
        how many sentences have such a word, which are the first ones, and its row in each.
    """
    for word in range(int(counts.max(initial=0))):
        alive = int((counts > word).sum())
        yield alive, first[:alive] + word
