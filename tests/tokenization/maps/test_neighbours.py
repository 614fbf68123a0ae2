import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finkd.corpora.errors import ConfigError
from finkd.tokenization.maps.neighbours import Neighbours, sparsemax
from tests.toys import FAMILIES, TEXTS, handmade


def test_sparsemax_by_hand():
    scores = np.array([[1.0, 1.0], [3.0, 1.0], [0.5, 0.0], [0.4, 0.4]])
    np.testing.assert_allclose(sparsemax(scores), [[0.5, 0.5], [1, 0], [0.75, 0.25], [0.5, 0.5]])


@given(arrays(np.float64, (3, 5), elements=st.floats(-2, 2)))
def test_sparsemax_lies_on_the_simplex_and_keeps_the_order(scores):
    shares = sparsemax(scores)
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    order = np.argsort(scores, axis=1, kind="stable")
    assert (np.diff(np.take_along_axis(shares, order, axis=1), axis=1) >= -1e-12).all()


CONTEXTS = [
    "the bank lent money today",
    "the lender lent money today",
    "the dog ate meat yesterday",
    "the cat ate meat yesterday",
] * 3


def test_words_of_the_same_contexts_are_neighbours():
    """The student's ``lender`` stands where ``bank`` does, and nowhere near what dogs do."""
    common = ("the", "lent", "money", "today", "ate", "meat", "yesterday", "bank", "dog", "cat")
    teacher = handmade("teacher", *common, "lend", "##er")
    student = handmade("student", *common, "lender")
    found = Neighbours(nearest=3, window=2)(teacher, student, CONTEXTS)
    index = student.backend.token_to_id("lender")
    assert teacher.vocabulary[found.best[index]] == "bank"
    shares = found.matrix[[index]].toarray()[0]
    assert shares[[teacher.backend.token_to_id(word) for word in ("dog", "cat", "meat")]].sum() == 0


def test_only_entries_of_both_are_taken():
    common = ("the", "lent", "money", "today")
    teacher, student = handmade("teacher", *common, "lender"), handmade("student", *common, "bank")
    index = student.backend.token_to_id("bank")
    shared = Neighbours(nearest=1)(teacher, student, CONTEXTS)
    assert teacher.vocabulary[shared.best[index]] in common


def test_what_the_text_never_shows_has_no_neighbours():
    teacher, student = handmade("teacher", "the", "bank"), handmade("student", "the", "bank", "unseen")
    found = Neighbours()(teacher, student, CONTEXTS)
    assert not found.covered[student.backend.token_to_id("unseen")]


def test_vectors_are_unit_rows_in_one_space():
    sides = [FAMILIES["roberta"](), FAMILIES["wordpiece_cased"]()]
    vectors = Neighbours().vectors(sides, list(TEXTS))
    for tokenizer, rows in zip(sides, vectors, strict=True):
        lengths = np.linalg.norm(rows, axis=1)
        assert len(rows) == len(tokenizer)
        assert np.isin(np.round(lengths, 5), [0, 1]).all()
    the = [
        rows[side.backend.token_to_id(token)] for side, rows, token in zip(sides, vectors, ("Ġthe", "the"), strict=True)
    ]
    assert the[0] @ the[1] > 0.99


def test_a_stream_that_can_be_read_only_once_is_refused():
    with pytest.raises(ConfigError, match="can be read only once"):
        Neighbours()(FAMILIES["bpe"](), FAMILIES["unigram"](), iter(TEXTS))
