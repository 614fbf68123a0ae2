"""Copies of sentences with words that lie near in the teacher's embeddings."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from finkd.augmentation.similar_words import SimilarWords, changed_sentences, nearest_words, with_similar_words
from finkd.corpora.sentence import Sentence
from finkd.corpora.tasks.task import Example
from finkd.stages.task_distill import TaskDistill
from finkd.suites.copies import copies
from tests.finkd.toys import LABELS, QUICK, SENTENCES, context, tiny_model
from tests.toys import roberta, trained

ALL = SimilarWords(copies=1, fraction=1, nearest=1, frequent=0)


def near(*pairs):
    """A model in whose embeddings the words of each pair are nearest to one another."""
    model = tiny_model(trained("wordpiece", True, 260))
    with torch.no_grad():
        for number, pair in enumerate(pairs):
            for word in pair:
                row = model.embeddings.weight[model.tokenizer.vocabulary.index(word)]
                row.zero_()
                row[number] = 1
    return model


def test_by_hand():
    # words of several tokens, numbers and punctuation stay
    sentence = Sentence.from_words(["The", "BORROWER", "the", "banks", ",", "4"], ["O"] * 6, "first")
    ((copy,),) = with_similar_words([sentence], near(("the", "acme"), ("borrower", "bank")), ALL, 1)
    assert copy.words == ("Acme", "BANK", "acme", "banks", ",", "4")
    assert (copy.tags, copy.document) == (None, "first")


def test_the_nearest_come_first_and_never_the_word_itself():
    model = near(("the", "acme"))
    with torch.no_grad():
        model.embeddings.weight[model.tokenizer.vocabulary.index("bank")][:2] = torch.tensor([1.0, 0.5])
    assert nearest_words(model, ["the", "banks", "no word"], 2)["the"] == ["acme", "bank"]
    assert set(nearest_words(model, ["the", "banks", "no word"], 2)) == {"the"}


def test_of_a_word_in_several_cases_the_one_in_lower_case_counts():
    model = tiny_model(trained("wordpiece", False, 400))
    names = {name: model.tokenizer.vocabulary.index(name) for name in ("A", "a", "B", "b")}
    with torch.no_grad():
        for name, direction in (("A", 0), ("b", 1), ("a", 1), ("B", 0)):
            model.embeddings.weight[names[name]].zero_()
            model.embeddings.weight[names[name], direction] = 1
    assert nearest_words(model, ["a"], 1) == {"a": ["b"]}


def test_without_copies_nothing_is_read(monkeypatch):
    monkeypatch.setattr("finkd.augmentation.similar_words.nearest_words", lambda *_: pytest.fail("was asked"))
    assert list(with_similar_words(SENTENCES, tiny_model(), SimilarWords(), 1)) == []


def test_frequent_words_stay():
    sentence = Sentence.from_words(["the", "borrower", "the"])
    ((copy,),) = with_similar_words(
        [sentence], near(("the", "acme"), ("borrower", "bank")), replace(ALL, frequent=0.5), 1
    )
    assert copy.words == ("the", "bank", "the")


@pytest.mark.parametrize("tokenizer", [None, roberta()], ids=["wordpiece", "bytes"])
@given(seed=st.integers(0, 1000), number=st.integers(0, 4))
def test_copies_differ_in_words_alone(tokenizer, seed, number):
    how = SimilarWords(copies=number, fraction=0.5, frequent=0)
    model = tiny_model(tokenizer)
    made = list(with_similar_words(SENTENCES, model, how, seed))
    assert made == list(with_similar_words(SENTENCES, model, how, seed))
    assert len(made) == number
    for copy in made:
        for before, after in zip(SENTENCES, copy, strict=True):
            assert [word.isalpha() for word in before.words] == [word.isalpha() for word in after.words]
            assert after.tags is None


def test_pairs_change_on_both_sides():
    model = near(("the", "acme"), ("borrower", "bank"))
    (pair,) = copies([Example("the 4", "4 borrower", 1)], model, ALL, 1)
    assert pair == Example("acme 4", "4 bank", 1)
    assert list(copies([Example("4", "", 1)], model, ALL, 1)) == []


@given(words=st.integers(1, 800), seed=st.integers(0, 50))
def test_texts_and_copies_have_about_so_many_words_at_most(words, seed):
    examples = [Example("the 4 the 4", "the borrower", 1)] * 40  # 240 words
    how = SimilarWords(copies=2, fraction=1, frequent=0, max_words=words)
    model = near(("the", "acme"), ("borrower", "bank"))
    made = sum(6 for _ in copies(examples, model, how, seed))
    assert abs(made - min(max(0, words - 240), 480)) <= 6 * 5 * (80 * 0.25) ** 0.5  # five standard deviations
    if not 240 < words < 720:
        assert made == (480 if words >= 720 else 0)


def test_sentences_that_stay_as_they_are_are_no_copies():
    sentences = [Sentence.from_words(["4"]), Sentence.from_words(["the"])]
    (changed,) = changed_sentences(sentences, near(("the", "acme")), ALL, 1)
    assert changed.words == ("acme",)


def test_the_student_reads_the_copies_too(tmp_path):
    where = context(tmp_path)
    plain = TaskDistill(losses="tinybert-labels", schedule=replace(QUICK, epochs=1))
    _, without = plain.run(tiny_model(labels=LABELS), where)
    how = SimilarWords(copies=2, fraction=1, frequent=0)
    _, beside = replace(plain, similar_words=how).run(tiny_model(labels=LABELS), where)
    assert without < beside <= 3 * without
