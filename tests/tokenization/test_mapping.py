import numpy as np
import pytest

from tests.toys import FAMILIES, bpe, roberta, sentencepiece, trained, unigram, wordpiece_cased, wordpiece_uncased
from tokenization.mapping import retokenisation, surface

PAIRS = [(teacher, student) for teacher in sorted(FAMILIES) for student in sorted(FAMILIES)]


def spelling(teacher, student, piece):
    """Teacher pieces that spell a student's piece, with their shares."""
    row = retokenisation(teacher, student)[[student.backend.token_to_id(piece)]].toarray()[0]
    return {teacher.vocabulary[index]: pytest.approx(float(row[index])) for index in np.flatnonzero(row)}


@pytest.mark.parametrize(("teacher", "student"), PAIRS)
def test_every_row_is_a_weighted_mean(teacher, student):
    teacher, student = FAMILIES[teacher](), FAMILIES[student]()
    matrix = retokenisation(teacher, student)
    assert matrix.shape == (len(student), len(teacher))
    assert matrix.data.min() > 0
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(("teacher", "student"), PAIRS)
def test_special_tokens_go_by_role(teacher, student):
    teacher, student = FAMILIES[teacher](), FAMILIES[student]()
    for role, token in student.specials.items():
        assert spelling(teacher, student, token) == {teacher.specials[role]: 1}


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_tokenizer_maps_onto_itself_piece_by_piece(family):
    tokenizer = FAMILIES[family]()
    assert np.array_equal(retokenisation(tokenizer, tokenizer).toarray(), np.eye(len(tokenizer), dtype=np.float32))


@pytest.mark.parametrize(
    ("teacher", "student"),
    [
        (wordpiece_uncased(), wordpiece_cased()),
        (wordpiece_cased(), wordpiece_uncased()),
        (roberta(), bpe()),
        (unigram(), sentencepiece()),
        (wordpiece_uncased(), trained("wordpiece", True, 300)),
    ],
    ids=lambda tokenizer: tokenizer.name,
)
def test_a_piece_that_both_hold_is_copied(teacher, student):
    special = {*teacher.special_ids.values()}
    shared = [p for p in student.vocabulary if (i := teacher.backend.token_to_id(p)) is not None and i not in special]
    matrix = retokenisation(teacher, student)
    assert len(shared) > 50
    for piece in shared:
        assert matrix[student.backend.token_to_id(piece), teacher.backend.token_to_id(piece)] == 1


@pytest.mark.parametrize(
    ("teacher", "student", "piece", "expected"),
    [
        # The start of a word is not its continuation: fast vocabulary transfer strips the mark and mixes them.
        (wordpiece_uncased(), roberta(), "Ġthe", {"the": 1}),
        (wordpiece_uncased(), roberta(), "er", {"##er": 1}),
        (wordpiece_uncased(), roberta(), "s", {"##s": 1}),
        (wordpiece_uncased(), unigram(), "s", {"##s": 1}),
        (roberta(), wordpiece_uncased(), "the", {"Ġthe": 1}),
        (roberta(), wordpiece_uncased(), "##s", {"s": 1}),
        (unigram(), wordpiece_uncased(), "##s", {"s": 1}),
        # Case is dropped where the teacher has none.
        (wordpiece_uncased(), wordpiece_cased(), "Borrower", {"borrower": 1}),
        (wordpiece_uncased(), roberta(), "ĠBorrower", {"borrower": 1}),
        # BERT never reads "##," after a word, so punctuation is punctuation wherever a student sees it.
        (wordpiece_uncased(), roberta(), ",", {",": 1}),
        (wordpiece_uncased(), unigram(), ",", {",": 1}),
        # Letters of a byte-level alphabet are bytes: é is spelt Ã© there, and the letter é stands for another byte.
        (bpe(), wordpiece_cased(), "##é", {"Ã©": 1}),
        # A piece of several is weighted by characters.
        (roberta(), wordpiece_uncased(), "acme", {"Ġa": 0.25, "c": 0.25, "me": 0.5}),
        # Nothing spells half a character, so it takes the unknown token.
        (wordpiece_uncased(), roberta(), "Ã", {"[UNK]": 1}),
        (wordpiece_uncased(), sentencepiece(), "<0xC3>", {"[UNK]": 1}),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_spellings(teacher, student, piece, expected):
    assert spelling(teacher, student, piece) == expected


def test_an_unused_twin_inside_words_is_not_taken_for_punctuation():
    """Published BERT vocabularies hold ``##,``, which their own pre-tokenizer can never produce."""
    teacher = wordpiece_uncased()
    described = teacher.backend.to_str().replace('"##e":', '"##,":999,"##e":', 1)
    backend = type(teacher.backend).from_str(described)
    twin = type(teacher)(backend, teacher.specials, "twin")
    assert twin.backend.token_to_id("##,") == 999
    assert spelling(twin, unigram(), ",") == {",": 1}


@pytest.mark.parametrize(
    ("tokenizer", "piece", "expected"),
    [
        (wordpiece_uncased(), "##s", ("s", True)),
        (wordpiece_uncased(), "the", ("the", False)),
        (roberta(), "ĠBorrower", ("Borrower", False)),
        (roberta(), "er", ("er", True)),
        (roberta(), "Ã", ("", True)),
        (sentencepiece(), "<0x41>", ("", True)),
        (unigram(), "▁the", ("the", False)),
        (unigram(), "s", ("s", True)),
    ],
    ids=str,
)
def test_surfaces(tokenizer, piece, expected):
    assert surface(tokenizer, tokenizer.backend.token_to_id(piece), piece) == expected
