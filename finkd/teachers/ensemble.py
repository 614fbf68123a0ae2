"""Ensembles: the mean of the label distributions of several taggers, word by word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from finkd.corpora.sentence import Sentence
from finkd.inference.tagger import AnyTagger, Logits, sentence_logits
from finkd.teachers.label_map import LEAST

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Ensemble:
    """Tagger whose label distributions are the weighted mean of those of others.

    Words exist under every tokenizer, so members may cut them as they like (Hinton et al., arXiv 1503.02531, section
    5.1, distil the mean of an ensemble's distributions).

    Attributes:
        members: taggers, whose labels are the same in any order.
        weights: one for each.
    """

    members: Sequence[AnyTagger]
    weights: Sequence[float]

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the first member."""
        return self.members[0].labels

    def sentence_logits(self, sentences: Sequence[Sentence], precision: str) -> list[Logits]:
        """Compute (words, labels) log-probabilities of each sentence; NaN where no member reads a word."""
        found = [
            [scores[:, order] for scores in sentence_logits(sentences, member, precision=precision)]
            for member, order in zip(self.members, self._orders, strict=True)
        ]
        return [average(scores, self.weights) for scores in zip(*found, strict=True)]

    @cached_property
    def _orders(self) -> list[list[int]]:
        return [[member.labels.index(label) for label in self.labels] for member in self.members]


def average(logits: Sequence[Floats], weights: Sequence[float | Floats]) -> npt.NDArray[np.float32]:
    """Return the logarithm of the weighted mean of label distributions.

    Args:
        logits: of each member (words, labels); NaN for words that it does not read, which the others decide.
        weights: one for each member, or (words,) of them.

    Returns:
        (words, labels) log-probabilities; NaN for words that no member reads.

    Example:
        Two members that are certain, and do not agree:

        >>> import numpy as np
        >>> np.exp(average([np.array([[50.0, 0.0]]), np.array([[0.0, 50.0]])], [3, 1])).round(2).tolist()
        [[0.75, 0.25]]
    """
    total = np.zeros(logits[0].shape)
    weight = np.zeros((len(total), 1))
    for each, own in zip(logits, weights, strict=True):
        known = ~np.isnan(each).any(axis=1)
        shares = np.broadcast_to(own, len(each))[known, None]
        total[known] += shares * softmax(each[known])
        weight[known] += shares
    mean = np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0)
    return np.log(np.maximum(mean, LEAST)).astype(np.float32)


def softmax(logits: Floats) -> npt.NDArray[np.float64]:
    """Return (words, labels) distributions of logits; NaN stays."""
    exponents = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))
