"""Baselines without fine-tuning: linear classifiers of words, and of a frozen encoder's states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from finkd.corpora.tasks.task import Example, TaskData
from finkd.inference.prediction import on_fastest_device, read
from finkd.losses.term import Requirement
from finkd.models.model import Model
from finkd.suites.classifier import TextSettings, gold
from finkd.suites.reading import read_texts

Values = npt.NDArray[np.float64]


def tfidf(data: TaskData, split: str) -> Values:
    """Classify by logistic regression on word unigrams and bigrams, weighted by tf-idf."""
    system = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), LogisticRegression(C=10, max_iter=1000)
    )
    system.fit(_texts(data.splits["train"]), gold(data, "train"))
    return np.asarray(system.predict(_texts(data.splits[split])), np.float64)


def nb_svm(data: TaskData, split: str) -> Values:
    """Classify by a linear classifier on naive Bayes' log-count ratios of word unigrams and bigrams.

    Wang and Manning (2012), section 2.3, for two classes, with their smoothing of 1 and interpolation of 1/4; the
    linear classifier is a logistic regression, as in most later reports, rather than a support vector machine.
    """
    words = CountVectorizer(ngram_range=(1, 2), binary=True, token_pattern=r"\S+")
    counts = sparse.csr_matrix(words.fit_transform(_texts(data.splits["train"])))
    right = gold(data, "train")
    ratio = _share(counts[right == 1]) - _share(counts[right == 0])
    linear = LogisticRegression(C=1.0, max_iter=1000).fit(_scaled(counts, ratio), right)
    mixed = _interpolated(linear.coef_[0])
    found = _scaled(sparse.csr_matrix(words.transform(_texts(data.splits[split]))), ratio)
    return np.asarray(found @ mixed + linear.intercept_[0] > 0, np.float64)


def _interpolated(weights: Values) -> Values:
    """Interpolate weights with the mean of their sizes (Wang and Manning 2012, equation 6)."""
    return np.asarray(0.75 * np.abs(weights).mean() + 0.25 * weights, np.float64)


def _scaled(counts: sparse.csr_matrix, ratio: Values) -> sparse.csr_matrix:
    return sparse.csr_matrix(counts @ sparse.diags(ratio))


def _share(counts: sparse.csr_matrix) -> Values:
    """Return the logarithm of each word's share of the words of a class, with a smoothing of 1."""
    total = 1 + np.asarray(counts.sum(axis=0), np.float64).ravel()
    return np.asarray(np.log(total / total.sum()), np.float64)


def probe(model: Model, data: TaskData, split: str, settings: TextSettings) -> Values:
    """Classify by logistic regression on the mean of a frozen encoder's last hidden states."""
    system = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    system.fit(_states(model, data.splits["train"], settings), gold(data, "train"))
    return np.asarray(system.predict(_states(model, data.splits[split], settings)), np.float64)


def _states(model: Model, examples: Sequence[Example], settings: TextSettings) -> npt.NDArray[np.float32]:
    """Return the (texts, width) mean of the last hidden states over the tokens of each text."""
    reading = read_texts(examples, model.tokenizer, min(settings.limit, model.max_length), settings.long)
    text = np.repeat(reading.source, reading.encoded.lengths)
    total = np.zeros((len(examples), model.encoder.config.hidden_size), np.float32)
    for at, side in read(on_fastest_device(model), reading.encoded, Requirement.HIDDEN_STATES):
        np.add.at(total, text[at], side.hidden_states[-1].float().cpu().numpy())
    return np.asarray(total / np.bincount(text, minlength=len(examples))[:, None], np.float32)


def _texts(examples: Sequence[Example]) -> list[str]:
    return [f"{example.first} {example.second}".strip() for example in examples]
