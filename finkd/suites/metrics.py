"""Official metrics: of tasks on whole texts by scikit-learn and SciPy; of question answering by SQuAD's rules."""

from __future__ import annotations

import re
import string
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats
from sklearn import metrics as sk

Values = npt.NDArray[np.floating]
Metric = Callable[[Values, Values], float]


def _correlation(measure: Callable[[Values, Values], tuple[float, float]]) -> Metric:
    def value(gold: Values, predicted: Values) -> float:
        with warnings.catch_warnings():
            # The correlation of a constant prediction is undefined; it counts as 0.
            warnings.simplefilter("ignore", stats.ConstantInputWarning)
            return float(np.nan_to_num(measure(gold, predicted)[0]))

    return value


METRICS: Mapping[str, Metric] = {
    "accuracy": lambda gold, predicted: float(sk.accuracy_score(gold, predicted)),
    "precision": lambda gold, predicted: float(sk.precision_score(gold, predicted, zero_division=0)),
    "recall": lambda gold, predicted: float(sk.recall_score(gold, predicted, zero_division=0)),
    "f1": lambda gold, predicted: float(sk.f1_score(gold, predicted, zero_division=0)),
    "matthews": lambda gold, predicted: float(sk.matthews_corrcoef(gold, predicted)),
    "pearson": _correlation(stats.pearsonr),
    "spearman": _correlation(stats.spearmanr),
}
"""Name -> function of gold and prediction: classes, or numbers for the two correlations."""

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalized(answer: str) -> str:
    """Return an answer in lower case, without punctuation and articles, with single spaces."""
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def _right(gold: Sequence[str]) -> Sequence[str]:
    """Return the gold answers that are not empty after normalization, or one empty answer."""
    return [each for each in gold if normalized(each)] or [""]


def exact(predicted: str, gold: Sequence[str]) -> float:
    """Return 1 if the answer is one of the gold answers, else 0; ``gold`` is empty if there is no answer."""
    return float(any(normalized(predicted) == normalized(each) for each in _right(gold)))


def f1(predicted: str, gold: Sequence[str]) -> float:
    """Return the best F1 of words over the gold answers."""

    def overlap(ours: Sequence[str], right: Sequence[str]) -> float:
        if not ours or not right:
            return float(ours == right)
        return 2 * sum((Counter(ours) & Counter(right)).values()) / (len(ours) + len(right))

    return max(overlap(normalized(predicted).split(), normalized(each).split()) for each in _right(gold))


def best_threshold(no_answer: Sequence[float], has: Sequence[float], gold_is_empty: Sequence[bool]) -> float:
    """Return the threshold of the no-answer score above which giving no answer maximizes the mean score.

    Args:
        no_answer: of each question, score of no answer minus that of the best answer.
        has: score of the best answer.
        gold_is_empty: whether the question has no answer.
    """
    order = np.argsort(np.asarray(no_answer), kind="stable")
    # Questions up to the threshold are answered; at first none is.
    gain = np.where(np.asarray(gold_is_empty), -1.0, np.asarray(has, np.float64))[order]
    scores = np.asarray(no_answer, np.float64)[order]
    total = np.concatenate(([0.0], np.cumsum(gain)))
    total[1:-1][scores[:-1] == scores[1:]] = -np.inf  # questions with equal scores are answered together
    best = int(total.argmax())
    return float(np.nextafter(scores[0], -np.inf) if best == 0 else scores[best - 1])
