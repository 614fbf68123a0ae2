"""The mean of label distributions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.inference.tagger import predict_tags, sentence_logits
from finkd.teachers.ensemble import Ensemble, average, softmax
from tests.finkd.toys import LABELS, SENTENCES, tiny_model
from tests.toys import bpe, wordpiece_uncased


@pytest.fixture(scope="module")
def taggers():
    return [
        tiny_model(wordpiece_uncased(), labels=LABELS, seed=1),
        tiny_model(bpe(), labels=tuple(reversed(LABELS)), width=48, seed=2),
    ]


def test_members_may_have_other_tokenizers_and_orders_of_labels(taggers):
    found = Ensemble(taggers, [1, 3]).sentence_logits(SENTENCES, "fp32")
    parts = [[softmax(scores) for scores in sentence_logits(SENTENCES, each)] for each in taggers]
    for scores, first, second in zip(found, *parts, strict=True):
        np.testing.assert_allclose(np.exp(scores), (first + 3 * second[:, ::-1]) / 4, rtol=1e-5)


def test_an_ensemble_of_one_tags_like_it(taggers):
    assert predict_tags(SENTENCES, Ensemble(taggers[:1], [2.0])) == predict_tags(SENTENCES, taggers[0])


@given(st.lists(st.floats(0.1, 9), min_size=2, max_size=4), st.integers(0, 99))
def test_the_mean_is_a_distribution_whatever_the_weights(weights, seed):
    logits = np.random.default_rng(seed).normal(size=(len(weights), 5, 3)) * 30
    found = np.exp(average(list(logits), weights))
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_words_that_a_member_does_not_read_are_left_to_the_others():
    first, second = np.log([[0.5, 0.5], [0.9, 0.1]]), np.log([[np.nan, np.nan], [0.1, 0.9]])
    found = np.exp(average([first, second], [1, 1]))
    np.testing.assert_allclose(found, [[0.5, 0.5], [0.5, 0.5]], rtol=1e-6)
    assert np.isnan(average([second[:1]], [1])).all()


def test_a_member_of_weight_zero_at_a_word_says_nothing_there():
    first, second = np.log([[0.5, 0.5]] * 2), np.log([[0.1, 0.9]] * 2)
    found = np.exp(average([first, second], [np.array([1.0, 0.0]), np.array([0.0, 2.0])]))
    np.testing.assert_allclose(found, [[0.5, 0.5], [0.1, 0.9]], rtol=1e-6)
