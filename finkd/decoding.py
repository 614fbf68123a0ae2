"""From label scores to the best tag sequence that IOB2 allows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_BLOCK = 256


def transitions(labels: Sequence[str]) -> tuple[Floats, Floats]:
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
    """Best IOB2 sequence of each sentence under the sum of its words' log-probabilities (Viterbi).

    Plain argmax may put I-ORG after O, an entity that strict scoring throws away.

    Args:
        scores: per sentence, (words, labels) logits; a row of NaN is a word that the model did not see, and becomes O.
        labels: label of each column.
    """
    return [path for start in range(0, len(scores), _BLOCK) for path in _decode(scores[start : start + _BLOCK], labels)]


def _decode(scores: Sequence[npt.NDArray[np.float32]], labels: Sequence[str]) -> list[list[str]]:
    """All sentences side by side, padded to the longest."""
    counts = [len(s) for s in scores]
    longest = max(counts)
    table = np.zeros((len(scores), longest, len(labels)))
    for index, sentence in enumerate(scores):
        table[index, : len(sentence)] = _log_probabilities(sentence, labels)
    starts, steps = transitions(labels)
    best = table[:, 0] + starts if longest else np.zeros((len(scores), len(labels)))
    back = np.zeros(table.shape, np.int64)
    for word in range(1, longest):
        options = best[:, :, None] + steps
        back[:, word] = options.argmax(axis=1)
        # Beyond a sentence's end its best path stands still.
        alive = np.array([word < count for count in counts])[:, None]
        best = np.where(alive, options.max(axis=1) + table[:, word], best)
    paths = []
    for row, count in enumerate(counts):
        path = [int(best[row].argmax())] if count else []
        for word in range(count - 1, 0, -1):
            path.append(int(back[row, word, path[-1]]))
        paths.append([labels[label] for label in reversed(path)])
    return paths


def _log_probabilities(scores: npt.NDArray[np.float32], labels: Sequence[str]) -> Floats:
    shifted = scores.astype(np.float64)
    unseen = np.isnan(shifted).any(axis=1)
    shifted[unseen] = -1e6
    shifted[unseen, list(labels).index("O")] = 0.0
    shifted -= shifted.max(axis=1, keepdims=True, initial=-np.inf)
    result: Floats = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result
