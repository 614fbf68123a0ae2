import numpy as np
import pytest

from finkd.tokenization.maps.retokenization import Retokenization, spell
from tests.toys import bpe, gemma, roberta, sentencepiece, unigram, wordpiece_cased, wordpiece_uncased


def spelling(teacher, student, token, **settings):
    """Teacher tokens that spell a student's token, with their shares."""
    row = Retokenization(**settings)(teacher, student).matrix[[student.backend.token_to_id(token)]].toarray()[0]
    return {teacher.vocabulary[index]: pytest.approx(float(row[index])) for index in np.flatnonzero(row)}


@pytest.mark.parametrize(
    ("teacher", "student", "token", "expected"),
    [
        # The start of a word is not its continuation: fast vocabulary transfer strips the mark and mixes them.
        (wordpiece_uncased(), roberta(), "Ġthe", {"the": 1}),
        (wordpiece_uncased(), roberta(), "er", {"##er": 1}),
        (wordpiece_uncased(), roberta(), "s", {"##s": 1}),
        (wordpiece_uncased(), unigram(), "s", {"##s": 1}),
        (roberta(), wordpiece_uncased(), "the", {"Ġthe": 1}),
        (roberta(), wordpiece_uncased(), "##s", {"s": 1}),
        (unigram(), wordpiece_uncased(), "##s", {"s": 1}),
        (gemma(), wordpiece_uncased(), "the", {"▁the": 1}),
        (gemma(), wordpiece_uncased(), "##s", {"s": 1}),
        # Case is dropped where the teacher has none.
        (wordpiece_uncased(), wordpiece_cased(), "Borrower", {"borrower": 1}),
        (wordpiece_uncased(), roberta(), "ĠBorrower", {"borrower": 1}),
        # BERT never reads "##," after a word, so punctuation is punctuation wherever a student sees it.
        (wordpiece_uncased(), roberta(), ",", {",": 1}),
        (wordpiece_uncased(), unigram(), ",", {",": 1}),
        # Letters of a byte-level alphabet are bytes: é is spelt Ã© there, and the letter é stands for another byte.
        (bpe(), wordpiece_cased(), "##é", {"Ã©": 1}),
        # A token of several is weighted by characters.
        (roberta(), wordpiece_uncased(), "acme", {"Ġa": 0.25, "c": 0.25, "me": 0.5}),
        # Nothing spells half a character.
        (wordpiece_uncased(), roberta(), "Ã", {}),
        (wordpiece_uncased(), sentencepiece(), "<0xC3>", {}),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_spellings(teacher, student, token, expected):
    assert spelling(teacher, student, token) == expected


def test_an_unused_twin_inside_words_is_not_taken_for_punctuation():
    """Published BERT vocabularies hold ``##,``, which their own pre-tokenizer can never produce."""
    teacher = wordpiece_uncased()
    described = teacher.backend.to_str().replace('"##e":', '"##,":999,"##e":', 1)
    backend = type(teacher.backend).from_str(described)
    twin = type(teacher)(backend, teacher.specials, "twin")
    assert twin.backend.token_to_id("##,") == 999
    assert spelling(twin, unigram(), ",") == {",": 1}


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("characters", {"Ġa": 1 / 4, "c": 1 / 4, "me": 2 / 4}),
        ("mean", {"Ġa": 1 / 3, "c": 1 / 3, "me": 1 / 3}),
        ("written", {"Ġa": 2 / 5, "c": 1 / 5, "me": 2 / 5}),
    ],
)
def test_weights(weights, expected):
    assert spelling(roberta(), wordpiece_uncased(), "acme", weights=weights) == expected


def test_spellings_keep_the_order_of_the_text():
    found = spell(wordpiece_uncased(), roberta())
    index = wordpiece_uncased().backend.token_to_id("acme")
    tokens = [roberta().vocabulary[token] for token in found.token[found.entry == index]]
    assert tokens == ["Ġa", "c", "me"]
    assert found.place[found.entry == index].tolist() == [0, 1, 2]
    assert (np.diff(found.entry) >= 0).all()
