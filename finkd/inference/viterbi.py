"""Viterbi decoding of label logits under IOB2."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt

from finkd.inference.grammar import Floats, Grammar, Ints, by_word, finite, grammar


def decode(scores: Sequence[npt.NDArray[np.float32]], labels: Sequence[str]) -> list[list[str]]:
    """Find the IOB2 sequence of each sentence with the highest sum of logits (Viterbi).

    Plain argmax may put I-ORG after O, which strict scoring ignores; where it is valid IOB2, it is the best sequence.
    Time and memory grow with words times labels.

    Args:
        scores: per sentence, (words, labels) logits; a row of NaN is a word without a token, and becomes O.
        labels: label of each column.
    """
    counts = np.fromiter((len(each) for each in scores), np.int64, len(scores))
    table = finite(scores, labels)
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
    for alive, at in islice(by_word(first, counts), 1, None):
        top = best[:alive].argmax(axis=1)
        options = best[:alive][:, rules.before]
        chosen = options.argmax(axis=2)
        reached = np.repeat(best[np.arange(alive), top][:, None], table.shape[1], axis=1)
        reached[:, rules.inside] = options.max(axis=2)
        best[:alive] = reached + table[at]
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
