"""Viterbi decoding of label logits under IOB2."""

from __future__ import annotations

from collections.abc import Sequence
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
    """

    types: Ints
    continues: Bools
    inside: Ints
    before: Ints


@lru_cache(maxsize=16)
def grammar(labels: tuple[str, ...]) -> Grammar:
    """Build the grammar of some labels, in any order."""
    names = [label[2:] for label in labels]
    members: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        members.setdefault(name, []).append(index)
    numbers = {name: number for number, name in enumerate(members)}
    inside = [index for index, label in enumerate(labels) if label.startswith("I-")]
    most = max((len(members[names[index]]) for index in inside), default=1)
    before = [(members[names[index]] * most)[:most] for index in inside]
    return Grammar(
        np.array([numbers[name] for name in names]),
        np.array([label.startswith("I-") for label in labels]),
        np.array(inside, np.int64),
        np.sort(np.array(before, np.int64).reshape(len(inside), most), axis=1),
    )


def decode(scores: Sequence[npt.NDArray[np.float32]], labels: Sequence[str]) -> list[list[str]]:
    """Find the IOB2 sequence of each sentence with the highest sum of logits (Viterbi).

    Plain argmax may put I-ORG after O, which strict scoring ignores; where it is valid IOB2, it is the best sequence.
    Time and memory grow with words times labels.

    Args:
        scores: per sentence, (words, labels) logits; a row of NaN is a word without a token, and becomes O.
        labels: label of each column.
    """
    counts = np.fromiter((len(each) for each in scores), np.int64, len(scores))
    table = np.concatenate([np.zeros((0, len(labels))), *scores])
    table[np.isnan(table).any(axis=1)] = np.where(np.array(labels) == OUTSIDE, 0.0, -1e6)
    rules = grammar(tuple(labels))
    ends = np.cumsum(counts)
    rows = np.repeat(np.arange(len(counts)), counts)
    best = table.argmax(axis=1)
    before = np.roll(best, 1)
    follows = (np.diff(rows, prepend=-1) == 0) & (rules.types[before] == rules.types[best])
    wrong = np.unique(rows[rules.continues[best] & ~follows])
    if len(wrong):
        at, found = _best_paths(table, (ends - counts)[wrong], counts[wrong], rules)
        best[at] = found
    names = np.array(labels, object)[best].tolist()
    return [names[start:end] for start, end in zip((ends - counts).tolist(), ends.tolist(), strict=True)]


def _best_paths(table: Floats, first: Ints, counts: Ints, rules: Grammar) -> tuple[Ints, Ints]:
    """Decode several sentences at once, the longest first, so that those with a next word are the first ones.

    Labels other than ``I-`` follow the best label so far, so no (labels, labels) table of transitions is needed.

    Args:
        table: (words, labels) logits.
        first: (sentences,) row of each sentence's first word.
        counts: (sentences,) words of each, at least one.
        rules: of the labels.

    Returns:
        the words' rows, and the best label of each.
    """
    order = np.argsort(-counts, kind="stable")
    first, counts = first[order], counts[order]
    best = table[first] + np.where(rules.continues, -np.inf, 0.0)
    steps = []
    for word in range(1, int(counts[0])):
        alive = int((counts > word).sum())
        top = best[:alive].argmax(axis=1)
        options = best[:alive][:, rules.before]
        chosen = options.argmax(axis=2)
        reached = np.repeat(best[np.arange(alive), top][:, None], table.shape[1], axis=1)
        reached[:, rules.inside] = np.take_along_axis(options, chosen[:, :, None], axis=2)[:, :, 0]
        best[:alive] = reached + table[first[:alive] + word]
        steps.append((top, chosen.astype(np.int8)))
    return _traced(best.argmax(axis=1), steps, first, counts, rules)


def _traced(
    last: Ints, steps: Sequence[tuple[Ints, npt.NDArray[np.int8]]], first: Ints, counts: Ints, rules: Grammar
) -> tuple[Ints, Ints]:
    """Trace the best paths from their last words back to the first; see ``_best_paths``."""
    place = np.cumsum(rules.continues) - 1  # of an I- label among the I- labels
    label = last
    at, found = [first + counts - 1], [label.copy()]
    for word in range(len(steps), 0, -1):
        top, chosen = steps[word - 1]
        alive = len(top)
        here, inner = label[:alive], place[label[:alive]]
        followed = np.where(rules.continues[here], rules.before[inner, chosen[np.arange(alive), inner]], top)
        label[:alive] = followed
        at.append(first[:alive] + word - 1)
        found.append(followed)
    return np.concatenate(at), np.concatenate(found)
