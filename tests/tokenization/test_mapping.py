"""The sparse map between two vocabularies."""

import itertools

import numpy as np
import pytest

from tests.toys import FAMILIES, handmade
from tokenization.mapping import retokenisation, surface


def row(matrix, student, teacher, piece):
    dense = matrix[[student.vocabulary.index(piece)]].toarray()[0]
    return {teacher.vocabulary[i]: pytest.approx(dense[i]) for i in np.flatnonzero(dense)}


@pytest.mark.parametrize(("teacher", "student"), itertools.product(FAMILIES, FAMILIES))
def test_rows_are_shares_and_special_tokens_go_by_role(teacher, student):
    ours, theirs = FAMILIES[student](), FAMILIES[teacher]()
    matrix = retokenisation(theirs, ours)
    assert matrix.shape == (len(ours), len(theirs))
    assert matrix.data.min() >= 0
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-5)
    for role, index in ours.special_ids.items():
        assert matrix[index, theirs.special_ids[role]] == 1


def test_a_piece_that_both_hold_is_copied_and_continuations_stay_apart():
    teacher = handmade("teacher", "true", "##true", "un", "##t", "##rue", "x")
    student = handmade("student", "true", "##true", "untrue")
    matrix = retokenisation(teacher, student)
    assert row(matrix, student, teacher, "true") == {"true": 1}
    assert row(matrix, student, teacher, "##true") == {"##true": 1}
    assert row(matrix, student, teacher, "untrue") == {"un": 2 / 6, "##true": 4 / 6}


def test_what_the_teacher_cannot_spell_takes_its_unknown_token():
    teacher, student = handmade("teacher", "a"), handmade("student", "b")
    assert row(retokenisation(teacher, student), student, teacher, "b") == {"[UNK]": 1}


@pytest.mark.parametrize(
    ("family", "piece", "expected"),
    [
        ("wordpiece_uncased", "##er", ("er", True)),
        ("wordpiece_uncased", "the", ("the", False)),
        ("bpe", "Ġthe", ("the", False)),
        ("bpe", "er", ("er", True)),
        ("unigram", "▁the", ("the", False)),
        ("sentencepiece", "<0x41>", ("", True)),
    ],
)
def test_surface(family, piece, expected):
    tokenizer = FAMILIES[family]()
    assert surface(tokenizer, tokenizer.backend.token_to_id(piece), piece) == expected
