import pytest
from tokenizers import AddedToken, pre_tokenizers

from finkd.tokenization.surface import byte_letters, canonical_forms, lost_words, surface
from finkd.tokenization.tokenizer import Tokenizer
from tests.toys import FAMILIES, bpe, handmade, roberta, sentencepiece, unigram, wordpiece_cased, wordpiece_uncased


def form(tokenizer, token, fold=False):
    return canonical_forms(tokenizer, fold).get(tokenizer.backend.token_to_id(token))


@pytest.mark.parametrize(
    ("tokenizer", "token", "expected"),
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
def test_surfaces(tokenizer, token, expected):
    assert surface(tokenizer, tokenizer.backend.token_to_id(token), token) == expected


@pytest.mark.parametrize(
    ("tokenizer", "token", "expected"),
    [
        (roberta(), "ĠBorrower", ("Borrower", False)),
        (wordpiece_cased(), "Borrower", ("Borrower", False)),
        (wordpiece_cased(), "##s", ("s", True)),
        (bpe(), "s", ("s", True)),
        # Punctuation starts a word of its own, marked or not.
        (unigram(), ",", (",", False)),
        (roberta(), ",", (",", False)),
        (wordpiece_cased(), ",", (",", False)),
        # A lone mark is a space, a lone byte the same in both families that spell in bytes.
        (roberta(), "Ġ", (" ", False)),
        (unigram(), "▁", (" ", False)),
        (roberta(), "Ã", ("<0xC3>", True)),
        (sentencepiece(), "<0xC3>", ("<0xC3>", True)),
        (roberta(), "<s>", None),
    ],
    ids=str,
)
def test_canonical_forms_are_equal_across_families(tokenizer, token, expected):
    assert form(tokenizer, token) == expected


def test_case_is_dropped_where_asked():
    assert form(roberta(), "ĠBorrower", fold=True) == ("borrower", False)


def test_bytes_that_end_within_a_character_are_not_taken_for_what_comes_before():
    """``naÃ`` is ``na`` and half of an accented letter: dropping the half would make it equal to ``na``."""
    described = roberta().backend.to_str().replace('"vocab":{', '"vocab":{"naÃ":999,', 1)
    twin = Tokenizer(type(roberta().backend).from_str(described), roberta().specials, "twin")
    assert twin.backend.token_to_id("naÃ") == 999
    assert form(twin, "naÃ") is None


@pytest.mark.parametrize("sign", ["£", "é", "€"])
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_an_added_token_is_text_as_it_stands(family, sign):
    """In a byte-level vocabulary the letter £ stands for a byte, but an added £ is a pound sign."""
    tokenizer = FAMILIES[family]()
    backend = type(tokenizer.backend).from_str(tokenizer.backend.to_str())
    word = f"{sign}{sign}"
    backend.add_tokens([AddedToken(word, normalized=False)])
    grown = Tokenizer(backend, tokenizer.specials, "grown")
    index = backend.token_to_id(word)
    assert index in grown.literal
    assert surface(grown, index, word) == (word, False)
    assert canonical_forms(grown, False)[index] == (word, False)


def test_byte_letters_are_those_of_the_pre_tokenizer():
    assert sorted(byte_letters()) == sorted(pre_tokenizers.ByteLevel.alphabet())
    assert sorted(byte_letters().values()) == list(range(256))
    spelled = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str("é€")[0][0]
    assert bytes(byte_letters()[letter] for letter in spelled) == "é€".encode()


def test_lost_words_by_hand():
    letters = ["o", "##s", "##l", "##o", "##t", "##k", "##y"]
    teacher = handmade("teacher", *letters, "oslo", "to", "tokyo", "##slo", "bank", "a1c")
    student = handmade("student", *letters, "bank", "t", "##okyo")
    # "to" is short, "##slo" goes on inside a word, "bank" is kept, and "a1c" is no word of letters alone.
    assert lost_words(teacher, student) == ["oslo", "tokyo"]
    assert lost_words(teacher, student, shortest=2) == ["oslo", "to", "tokyo"]
    assert lost_words(teacher, teacher) == []


def test_words_of_byte_level_teachers_are_read_after_a_space():
    """Without one, RoBERTa reads the middle of a word, and few words are one token there."""
    teacher, letters = roberta(), [chr(place) for place in (*range(65, 91), *range(97, 123))]
    student = handmade("student", *letters, *(f"##{letter}" for letter in letters))
    words = [token[1:] for token in teacher.vocabulary if token.startswith("Ġ") and token[3:] and token[1:].isalpha()]
    assert lost_words(teacher, student) == words


def test_words_that_the_student_cannot_write_are_not_asked_of_it():
    teacher = handmade("teacher", "oslo")
    student = handmade("student", "bank")
    assert lost_words(teacher, student) == []  # one unknown token has nothing to learn from
