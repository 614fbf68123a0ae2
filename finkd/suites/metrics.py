"""The official metrics of tasks on whole texts, by scikit-learn and SciPy."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from scipy import stats
from sklearn import metrics as sk

Values = npt.NDArray[np.floating]
Metric = Callable[[Values, Values], float]


def _correlation(measure: Callable[[Values, Values], tuple[float, float]]) -> Metric:
    def value(gold: Values, predicted: Values) -> float:
        with warnings.catch_warnings():
            # Of a system that always says the same nothing can be said; it is worth 0.
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
"""Name -> function of what is right and what a system says: classes, or numbers for the two correlations."""
