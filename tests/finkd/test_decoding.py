from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from corpora.tags import first_illegal
from finkd.decoding import decode
from tests.finkd.toys import LABELS


def random_scores(words, seed):
    return np.random.default_rng(seed).normal(0, 2, (words, len(LABELS))).astype(np.float32)


def by_brute_force(scores):
    legal = [path for path in product(LABELS, repeat=len(scores)) if first_illegal(path, "IOB2") is None]
    table = log_softmax(scores.astype(float), axis=1)
    return list(max(legal, key=lambda path: sum(table[w, LABELS.index(tag)] for w, tag in enumerate(path))))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(0, 999))
def test_it_finds_the_best_legal_sequence_of_each_sentence(lengths, seed):
    batch = [random_scores(words, seed + index) for index, words in enumerate(lengths)]
    assert decode(batch, LABELS) == [by_brute_force(scores) for scores in batch]


@given(st.integers(0, 40), st.integers(0, 999))
def test_it_never_leaves_iob2(words, seed):
    (tags,) = decode([random_scores(words, seed)], LABELS)
    assert len(tags) == words
    assert first_illegal(tags, "IOB2") is None


def test_an_entity_of_one_type_never_goes_on_with_another():
    scores = np.full((2, len(LABELS)), -9, np.float32)
    scores[0, LABELS.index("B-ORG")] = scores[1, LABELS.index("I-PER")] = 9
    (tags,) = decode([scores], LABELS)
    assert first_illegal(tags, "IOB2") is None


@pytest.mark.parametrize("unseen", [0, 1, 2])
def test_a_word_that_the_model_did_not_see_is_outside(unseen):
    scores = np.full((3, len(LABELS)), 0, np.float32)
    scores[:, LABELS.index("I-ORG")] = 50
    scores[0, LABELS.index("B-ORG")] = 100
    scores[unseen] = np.nan
    (tags,) = decode([scores], LABELS)
    assert tags[unseen] == "O"
    assert first_illegal(tags, "IOB2") is None


def test_nothing_gives_nothing():
    assert decode([], LABELS) == []
    assert decode([random_scores(0, 0)], LABELS) == [[]]
