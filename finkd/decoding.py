"""From label scores to the best tag sequence that IOB2 allows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_BLOCK = 256


@lru_cache(maxsize=16)
def transitions(labels: tuple[str, ...]) -> tuple[Floats, Floats]:
    """Which label may begin a sentence, and which may follow which: 0 if allowed, -inf if not.

    Returns:
        (labels,) starts and (labels, labels) steps from row to column.
    """
    continued = np.array([label[2:] if label.startswith("I-") else "" for label in labels])
    entity = np.array([label[2:] for label in labels])
    starts = np.where(continued == "", 0.0, -np.inf)
    allowed = (continued[None, :] == "") | (continued[None, :] == entity[:, None])
    return starts, np.where(allowed, 0.0, -np.inf)


def decode(scores: Sequence[npt.NDArray[np.float32]], labels: Sequence[str]) -> list[list[str]]:
    """Best IOB2 sequence of each sentence under the sum of its words' scores (Viterbi).

    Plain argmax may put I-ORG after O, an entity that strict scoring throws away. Where it does not, it is the best.

    Args:
        scores: per sentence, (words, labels) logits; a row of NaN is a word that the model did not see, and becomes O.
        labels: label of each column.
    """
    counts = np.fromiter((len(each) for each in scores), np.int64, len(scores))
    table = _seen(scores, labels)
    starts, steps = transitions(tuple(labels))
    ends = np.cumsum(counts)
    rows = np.repeat(np.arange(len(counts)), counts)
    likeliest = table.argmax(axis=1)
    is_first = np.diff(rows, prepend=-1) > 0
    cost = np.where(is_first, starts[likeliest], steps[np.roll(likeliest, 1), likeliest])
    names = np.array(labels, object)[likeliest].tolist()
    paths = [names[start:end] for start, end in zip((ends - counts).tolist(), ends.tolist(), strict=True)]
    wrong = np.unique(rows[cost < 0]).tolist()
    for start in range(0, len(wrong), _BLOCK):
        block = wrong[start : start + _BLOCK]
        found = _best_paths([table[ends[row] - counts[row] : ends[row]] for row in block], starts, steps)
        for row, path in zip(block, found, strict=True):
            paths[row] = [labels[label] for label in path]
    return paths


def _seen(scores: Sequence[npt.NDArray[np.float32]], labels: Sequence[str]) -> Floats:
    """(all words, labels) scores, of which a word that was not seen has one for O alone."""
    table = np.concatenate([np.zeros((0, len(labels))), *scores])
    unseen = np.isnan(table).any(axis=1)
    table[unseen] = np.where(np.array(labels) == "O", 0.0, -1e6)
    return table


def _best_paths(scores: Sequence[Floats], starts: Floats, steps: Floats) -> list[list[int]]:
    """All sentences side by side, padded to the longest."""
    counts = [len(s) for s in scores]
    table = np.zeros((len(scores), max(counts), len(starts)))
    for index, sentence in enumerate(scores):
        table[index, : len(sentence)] = sentence
    best = table[:, 0] + starts
    back = np.zeros(table.shape, np.int64)
    for word in range(1, table.shape[1]):
        options = best[:, :, None] + steps
        back[:, word] = options.argmax(axis=1)
        # Beyond a sentence's end its best path stands still.
        alive = np.array([word < count for count in counts])[:, None]
        best = np.where(alive, options.max(axis=1) + table[:, word], best)
    paths = []
    for row, count in enumerate(counts):
        path = [int(best[row].argmax())]
        for word in range(count - 1, 0, -1):
            path.append(int(back[row, word, path[-1]]))
        paths.append(path[::-1])
    return paths
