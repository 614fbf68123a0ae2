from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from finkd.corpora.errors import ConfigError, DataError
from finkd.tokenization.maps.retokenization import Retokenization
from finkd.tokenization.surface import surface
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.trainers import algorithms
from finkd.tokenization.trainers.protection import read_entries
from finkd.tokenization.vocabulary import Protection, grow, train, trim
from tests.toys import FAMILIES, TEXTS, assert_same_tokens

ENTRIES = ("AAPL", "S&P", "BRK.B")
TEXT = "AAPL's S&P rose 1999 to €30 and £7, AAPLX fell; BRK.B 1998"
SIZE = 600
every = pytest.mark.parametrize("name", algorithms)


def made(name, protect, lowercase=False):
    texts = [*TEXTS, "In 1999 and 1999 AAPL paid £5 or 30 € on 30 March 1998"] * 3
    return train(texts, name, SIZE, lowercase=lowercase, protect=protect)


def tokens(tokenizer, text):
    return tokenizer.backend.encode(text, add_special_tokens=False).tokens


def numbers(tokenizer, text):
    """Tokens that are digits, without the marks of their family."""
    return [bare for token in tokens(tokenizer, text) if (bare := token.strip("Ġ▁#")).isdigit()]


@every
def test_protected_words_are_never_cut(name):
    tokenizer = made(name, Protection(ENTRIES, currency=True))
    ids = tokenizer.backend.encode(TEXT, add_special_tokens=False).ids
    found = [surface(tokenizer, index, tokenizer.vocabulary[index])[0] for index in ids]
    for word in (*ENTRIES, "€", "£"):
        assert found.count(word) == 1
    assert len(tokenizer) <= SIZE
    assert tokenizer._words is not None
    assert_same_tokens(tokenizer.encode([TEXT]), tokenizer._encode([TEXT]))


@pytest.mark.parametrize("change", [partial(train, algorithm="bpe", size=SIZE), partial(trim, FAMILIES["roberta"]())])
def test_a_sign_is_not_the_byte_whose_letter_looks_like_it(change, tmp_path):
    """In byte-level vocabularies ã is spelt with the letter £, which stands for 0xA3 there."""
    tokenizer = change(texts=["£5 of ã"] * 3, protect=Protection(currency=True))
    tokenizer.save(tmp_path / "made")
    for each in (tokenizer, Tokenizer.load(tmp_path / "made")):
        pound, letter = (each.backend.encode(sign, add_special_tokens=False) for sign in "£ã")
        assert len(pound.ids) == 1
        assert pound.offsets == [(0, 1)]
        assert not {*pound.ids} & {*letter.ids}
        assert each.backend.decode(letter.ids).strip() == "ã"
        assert surface(each, pound.ids[0], pound.tokens[0]) == ("£", False)
    teacher = FAMILIES["roberta"]()
    row = Retokenization()(teacher, tokenizer).matrix[pound.ids]
    assert {teacher.vocabulary[index] for index in row.indices} == {"Â", "£"}


@every
def test_a_word_within_another_is_left_alone(name):
    tokenizer = made(name, Protection(("AAPL", "IT")))
    assert not {"AAPL", "IT"} & {*tokens(tokenizer, "AAPLX ITEM xAAPL BIT")}


@every
def test_case_goes_where_the_vocabulary_drops_it(name):
    tokenizer = made(name, Protection(("AAPL", "aapl")), lowercase=True)
    assert tokenizer.vocabulary.count("aapl") == 1
    assert tokens(tokenizer, "AAPL")[-1:] == tokens(tokenizer, "aapl")[-1:] == ["aapl"]


@every
def test_digit_by_digit(name):
    tokenizer = made(name, Protection(digits="split"))
    assert numbers(tokenizer, "1999 or 12.5% of x30") == [*"1999", *"125", *"30"]
    assert not any(sum(map(str.isdigit, token)) > 1 for token in tokenizer.vocabulary if not token.startswith("<0x"))


@every
def test_a_number_is_whole_if_frequent_and_else_digit_by_digit(name):
    tokenizer = made(name, Protection(digits="whole"))
    assert numbers(tokenizer, "1999 30 1987 $30") == ["1999", "30", *"1987", "30"]


@every
def test_transformers_keeps_protection(name, tmp_path):
    tokenizer = made(name, Protection(ENTRIES, currency=True, digits="whole"))
    tokenizer.save(tmp_path / "vocabulary")
    theirs = AutoTokenizer.from_pretrained(tmp_path / "vocabulary")
    ours, other = tokenizer.backend.encode(TEXT), theirs(TEXT, return_offsets_mapping=True)
    assert (ours.ids, ours.offsets) == (other["input_ids"], [tuple(span) for span in other["offset_mapping"]])
    assert Tokenizer.load(tmp_path / "vocabulary").fingerprint == tokenizer.fingerprint


@every
def test_protected_words_are_not_learned_a_second_time(name):
    learned = made(name, Protection(("borrower", "Borrower"))).vocabulary
    assert [token for token in learned if token.strip("Ġ▁#").lower() == "borrower"] == ["borrower", "Borrower"]


@pytest.mark.parametrize("family", sorted(FAMILIES))
@pytest.mark.parametrize("change", [trim, grow])
def test_a_teachers_vocabulary_can_be_protected_too(family, change):
    tokenizer = change(FAMILIES[family](), [*TEXTS, TEXT], protect=Protection(("Acme",), True, "split"))
    word = "acme" if tokenizer.lowercases else "Acme"
    found = tokens(tokenizer, "Acme's €30")
    assert [token for token in found if token in (word, "€")] == [word, "€"]
    assert numbers(tokenizer, "€30") == ["3", "0"]


@pytest.mark.parametrize("entry", ["", " ", "New York", "a\tb"])
def test_what_is_not_one_word_is_refused(entry):
    with pytest.raises(ConfigError, match=r"^vocabulary\.protect: expected words without white space \(got") as refusal:
        made("wordpiece", Protection((entry,)))
    assert "\n" not in str(refusal.value)


def test_too_many_words_are_refused():
    with pytest.raises(ConfigError, match=r"^vocabulary\.protect: 400 words fill more than half of the 600 entries"):
        made("wordpiece", Protection(tuple(f"TICK{number}" for number in range(400))))


def test_words_come_from_a_file_one_on_each_line(tmp_path):
    (tmp_path / "tickers.txt").write_text("AAPL\n\n  MSFT \r\nBRK.B\n")
    assert read_entries(tmp_path / "tickers.txt") == ("AAPL", "MSFT", "BRK.B")
    (tmp_path / "wrong.txt").write_text("AAPL\nNew York\n")
    with pytest.raises(DataError, match=r"wrong\.txt:2: found 'New York'; expected one word"):
        read_entries(tmp_path / "wrong.txt")


hostile = st.text(
    st.one_of(st.sampled_from("aİß\u0301\u200b🏦שׁ€$.#▁Ġ"), st.characters(exclude_categories=["Cs"])), max_size=4
)


@settings(max_examples=60)
@given(hostile, st.sampled_from(sorted(algorithms)), st.booleans())
def test_hostile_words_are_kept_or_refused_in_one_line(entry, name, lowercase):
    refused = None
    try:
        tokenizer = train(TEXTS * 3, name, SIZE, lowercase=lowercase, protect=Protection((entry,)))
    except ConfigError as error:
        refused = str(error)
    if refused is not None:
        assert len(refused.splitlines()) == 1
    else:
        assert len(tokenizer.literal - {*tokenizer.special_ids.values()}) == 1
        assert tokenizer.encode([f"a {entry} b"]).ids.max() < len(tokenizer)
