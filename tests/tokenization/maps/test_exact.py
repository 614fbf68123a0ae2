import pytest

from finkd.tokenization.maps.exact import Exact
from tests.toys import bpe, handmade, roberta, sentencepiece, unigram, wordpiece_cased, wordpiece_uncased


def twin(teacher, student, token):
    """The teacher's entry that means the same."""
    found = Exact()(teacher, student).best[student.backend.token_to_id(token)]
    return teacher.vocabulary[found] if found >= 0 else None


@pytest.mark.parametrize(
    ("teacher", "student", "token", "expected"),
    [
        (wordpiece_cased(), roberta(), "ĠBorrower", "Borrower"),
        (wordpiece_cased(), roberta(), "s", "##s"),
        (roberta(), wordpiece_cased(), "##s", "s"),
        (roberta(), unigram(), "▁the", "Ġthe"),
        (unigram(), bpe(), "Ġ", "▁"),
        (roberta(), sentencepiece(), "<0xC3>", "Ã"),
        (sentencepiece(), roberta(), "Ã", "<0xC3>"),
        (wordpiece_uncased(), roberta(), "ĠBorrower", "borrower"),
        (wordpiece_uncased(), roberta(), "Ã", None),
        (unigram(), wordpiece_uncased(), ",", ","),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_marks_and_case_are_seen_through(teacher, student, token, expected):
    assert twin(teacher, student, token) == expected


def test_the_start_of_a_word_is_not_its_continuation():
    teacher, student = handmade("teacher", "true"), handmade("student", "true", "##true")
    assert twin(teacher, student, "true") == "true"
    assert twin(teacher, student, "##true") is None


def test_the_same_case_comes_first_and_then_the_lowest_id():
    teacher = handmade("teacher", "Bank", "BANK", "bank", "Fed", "FED", "Paris", "paris")
    student = handmade("student", "bank", "fed", lowercase=True)
    assert twin(teacher, student, "bank") == "bank"
    assert twin(teacher, student, "fed") == "Fed"


def test_case_counts_where_both_sides_keep_it():
    cases = ("Paris", "paris")
    assert twin(handmade("teacher", "Bank", *cases), handmade("student", "bank", *cases), "bank") is None
