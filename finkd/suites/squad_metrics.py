"""Exact match and F1 by the rules of SQuAD's official scripts, versions 1.1 and 2.0."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as np

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalized(answer: str) -> str:
    """Lower case, without punctuation, without articles, single spaces."""
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def exact(predicted: str, gold: Sequence[str]) -> float:
    """1 if the answer is one of the right ones, else 0; ``gold`` is empty where there is no answer."""
    return float(any(normalized(predicted) == normalized(each) for each in _right(gold)))


def f1(predicted: str, gold: Sequence[str]) -> float:
    """Overlap of words with the right answer that it is nearest to."""
    return max(_f1(normalized(predicted).split(), normalized(each).split()) for each in _right(gold))


def _right(gold: Sequence[str]) -> Sequence[str]:
    """Right answers of which something is left when they are normalised; one empty answer where none is."""
    return [each for each in gold if normalized(each)] or [""]


def _f1(predicted: Sequence[str], gold: Sequence[str]) -> float:
    if not predicted or not gold:
        return float(predicted == gold)
    common = sum((Counter(predicted) & Counter(gold)).values())
    return 2 * common / (len(predicted) + len(gold))


def best_threshold(no_answer: Sequence[float], has: Sequence[float], gold_is_empty: Sequence[bool]) -> float:
    """The threshold of the no-answer score from which on saying nothing gives the best mean score.

    Args:
        no_answer: of each question, how much likelier no answer is than the best one.
        has: what the best answer would score.
        gold_is_empty: whether no answer is right.
    """
    order = np.argsort(np.asarray(no_answer), kind="stable")
    # Questions up to the threshold are answered; at first none is.
    gain = np.where(np.asarray(gold_is_empty), -1.0, np.asarray(has, np.float64))[order]
    scores = np.asarray(no_answer, np.float64)[order]
    total = np.concatenate(([0.0], np.cumsum(gain)))
    total[1:-1][scores[:-1] == scores[1:]] = -np.inf  # questions of one score are answered together
    best = int(total.argmax())
    return float(np.nextafter(scores[0], -np.inf) if best == 0 else scores[best - 1])
