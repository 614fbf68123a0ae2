"""Words that one vocabulary holds whole and another cuts."""

import pytest

from finkd.tokenization.surface import lost_words
from tests.toys import bpe, handmade, roberta, sentencepiece, unigram, wordpiece_cased, wordpiece_uncased


def test_by_hand():
    letters = ["o", "##s", "##l", "##o", "##t", "##k", "##y"]
    teacher = handmade("teacher", *letters, "oslo", "to", "tokyo", "##slo", "bank", "a1c")
    student = handmade("student", *letters, "bank", "t", "##okyo")
    # "to" is short, "##slo" goes on inside a word, "bank" is kept, and "a1c" is no word of letters alone.
    assert lost_words(teacher, student) == ["oslo", "tokyo"]
    assert lost_words(teacher, student, shortest=2) == ["oslo", "to", "tokyo"]
    assert lost_words(teacher, teacher) == []


def test_words_that_the_student_cannot_write_are_not_asked_of_it():
    teacher = handmade("teacher", "oslo")
    student = handmade("student", "bank")
    assert lost_words(teacher, student) == []  # one unknown token has nothing to learn from


@pytest.mark.parametrize("student", [bpe, roberta, sentencepiece, unigram, wordpiece_uncased])
def test_every_word_is_whole_on_one_side_and_cut_on_the_other(student):
    teacher, student = wordpiece_cased(), student()
    found = lost_words(teacher, student)
    for word in found:
        ours, theirs = (side.encode([word]) for side in (student, teacher))
        assert (~(theirs.opening | theirs.closing)).sum() == 1
        assert (~(ours.opening | ours.closing)).sum() > 1
