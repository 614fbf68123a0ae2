"""Shift figures against values worked by hand."""

import dataclasses
import json

import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers

from corpora.sentence import Sentence
from tests.toys import FAMILIES, TEXTS, handmade, trained
from tokenization.analysis import analyze
from tokenization.tokenizer import Tokenizer


@pytest.fixture
def shift():
    teacher = handmade("teacher", "acme", "lent", "mon", "##ey", "to", lowercase=True)
    student = handmade("student", "Ac", "##me", "lent", "money")
    sentences = [
        Sentence.from_words(["Acme", "lent", "money"], ["B-ORG", "O", "O"]),
        Sentence.from_words(["money", "to", "Acme"], ["O", "O", "B-ORG"]),
    ]
    return analyze(sentences, student, teacher, embedding_width=10)


def test_worked_by_hand(shift):
    assert (shift.sentences, shift.words) == (2, 6)
    # Student: Ac ##me | lent | money  and  money | [UNK] | Ac ##me; teacher: acme | lent | mon ##ey, twice over.
    student, teacher = shift.student, shift.teacher
    assert (student.fertility, teacher.fertility) == (pytest.approx(8 / 6), pytest.approx(8 / 6))
    assert (student.continued_words, teacher.continued_words) == (pytest.approx(2 / 6), pytest.approx(2 / 6))
    assert (student.entity_fertility, teacher.entity_fertility) == (2, 1)
    assert (student.whole_entity_words, teacher.whole_entity_words) == (0, 1)
    assert (student.unknown_rate, teacher.unknown_rate) == (pytest.approx(1 / 8), 0)
    assert (student.mean_length, student.length_95) == (6, 6)
    assert (student.size, student.embedding_parameters) == (8, 80)
    assert (student.algorithm, student.name) == ("wordpiece", "student")


def test_overlap_folds_case_and_keeps_continuations_apart(shift):
    # In common: lent. Either: acme lent mon ##ey to | ac ##me lent money.
    assert shift.overlap == pytest.approx(1 / 8)
    assert shift.weighted_overlap == pytest.approx(1 / 8)
    assert shift.length_ratio == 1


def test_the_most_expensive_words_come_first_with_both_cuts(shift):
    (word,) = shift.fragmented
    assert dataclasses.astuple(word) == ("Acme", 2, ("acme",), ("Ac", "##me"))


def test_an_unknown_entity_word_is_not_whole():
    tokenizer = handmade("poor", "lent")
    shift = analyze([Sentence.from_words(["Acme", "lent"], ["B-ORG", "B-ORG"])], tokenizer, tokenizer, 10)
    assert shift.student.whole_entity_words == 0.5
    assert shift.student.entity_fertility == 1


def test_a_piece_across_two_words_counts_for_both():
    backend = Backend(models.WordLevel({"[UNK]": 0, "5%": 1}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = Tokenizer(backend, {"unk": "[UNK]"}, "whole")
    shift = analyze([Sentence("5%", ((0, 1), (1, 2)))], tokenizer, tokenizer, 1)
    assert shift.student.fertility == 1


@pytest.mark.parametrize("name", FAMILIES)
def test_a_tokenizer_shares_everything_with_itself(name):
    tokenizer = FAMILIES[name]()
    shift = analyze([Sentence.from_words(text.split()) for text in TEXTS], tokenizer, tokenizer, 8)
    assert (shift.overlap, shift.length_ratio) == (1, 1)
    assert shift.teacher == shift.student
    assert shift.student.entity_fertility is shift.student.whole_entity_words is None


def test_the_same_words_in_other_marks_are_the_same_entries():
    sentences = [Sentence.from_words(text.split()) for text in TEXTS]
    ours, other = trained("wordpiece", True, 260), trained("unigram", True, 160)
    shift = analyze(sentences, ours, other, 8)
    assert 0.2 < shift.overlap < 1
    assert shift.weighted_overlap > 0.5


def test_figures_are_flat_and_json(shift):
    figures = json.loads(json.dumps(shift.figures()))
    assert figures["fertility"] == shift.student.fertility
    assert figures["overlap"] == shift.overlap
    assert json.loads(json.dumps(dataclasses.asdict(shift)))["student"]["size"] == 8


def test_no_word_is_refused():
    tokenizer = FAMILIES["bpe"]()
    with pytest.raises(ValueError, match="no word in 1 sentences"):
        analyze([Sentence("", ())], tokenizer, tokenizer, 8)
