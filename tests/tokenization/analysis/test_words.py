"""Words and numbers in raw text, found by kind of character."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.corpora.sentence import Sentence
from finkd.tokenization.analysis.batch import of_sentences, of_texts, split_long
from finkd.tokenization.analysis.word_types import NUMBERS, SHAPES, find, shapes, spelled
from finkd.tokenization.analysis.words import BLANK, JOINER


def words(text):
    batch = of_texts([text])
    return [batch.joined[start:end] for start, end in zip(batch.starts, batch.ends, strict=True)]


def numbers(*texts):
    batch = of_texts(texts)
    spans = find(batch)
    found = zip(spans.starts.tolist(), spans.ends.tolist(), spans.groups.tolist(), strict=True)
    return {batch.joined[start:end]: NUMBERS[group] for start, end, group in sorted(found)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Acme lent $25 million.", ["Acme", "lent", "$", "25", "million", "."]),
        ("4.75% of 3,000.50, net", ["4.75", "%", "of", "3,000.50", ",", "net"]),
        ("the bank's 1.5x-levered 10-K", ["the", "bank's", "1.5x", "-", "levered", "10", "-", "K"]),
        ("U.S. (NYSE: ABC)", ["U", ".", "S", ".", "(", "NYSE", ":", "ABC", ")"]),
        ("Zu\u0308rich nai\u0308ve", ["Zu\u0308rich", "nai\u0308ve"]),
        ("per\u00adcent a\u200bb \u200b c", ["per\u00adcent", "a\u200bb", "c"]),
        ("a\x00b\x07c\td", ["a", "b", "c", "d"]),
        ("👍🏽 up ❤\ufe0f", ["👍", "🏽", "up", "❤\ufe0f"]),
        ("שלום עולם", ["שלום", "עולם"]),
        ("利率上升", ["利", "率", "上", "升"]),
        ("", []),
        (" \n\t\u3000", []),
    ],
)
def test_words_are_runs_of_letters_and_digits_or_single_signs(text, expected):
    assert words(text) == expected


def slow_kind(char):
    return {"Zs": BLANK, "Zl": BLANK, "Zp": BLANK, "Cc": BLANK, "Cf": JOINER}.get(unicodedata.category(char))


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"])), max_size=4))
def test_every_visible_character_is_in_one_word_of_its_own_text(texts):
    batch = of_texts(texts)
    assert np.all(batch.starts < batch.ends)
    assert np.all(batch.ends[:-1] <= batch.starts[1:])
    covered = np.zeros(len(batch.points), np.bool_)
    for start, end in zip(batch.starts, batch.ends, strict=True):
        covered[start:end] = True
    visible = np.array([slow_kind(char) is None for char in batch.joined], np.bool_)
    assert np.all(covered[visible])
    assert not covered[[slow_kind(char) == BLANK for char in batch.joined]].any()
    assert len(batch.rows) == len(texts) + 1
    for row, text in enumerate(texts):
        alone = words(text)
        inside = slice(batch.rows[row], batch.rows[row + 1])
        pairs = zip(batch.starts[inside], batch.ends[inside], strict=True)
        assert [batch.joined[start:end] for start, end in pairs] == alone


def test_half_a_surrogate_pair_is_refused_in_one_line():
    for make in (of_texts, lambda texts: of_sentences([Sentence.from_words([text]) for text in texts], {})):
        with pytest.raises(ValueError, match=r"^analyze: found half a surrogate pair \(U\+D800\)[^\n]*$"):
            make(["fine", "a\ud800"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("paid $4.5 million", {"$4.5": "amount"}),
        ("EUR 3,000 and £ 20", {"EUR 3,000": "amount", "£ 20": "amount"}),
        ("up 4.75% or 12 percent", {"4.75%": "percentage", "12 percent": "percentage"}),
        ("on March 31, 1999 or 3 June 2020", {"March 31, 1999": "date", "3 June 2020": "date"}),
        ("in March 1999, by May 5", {"March 1999": "date", "May 5": "date"}),
        ("3/31/1999, 31/3/99 and 1999-03-31", {"3/31/1999": "date", "31/3/99": "date", "1999-03-31": "date"}),
        ("March was 7 and May", {"7": "plain number"}),
        ("(NYSE: ABC) and $AAPL rose", {"ABC": "ticker", "$AAPL": "ticker"}),
        ("EBITDA of Q3 fell: IBM", {}),
        ("section 4.2 of 3rd", {"4.2": "plain number"}),
        ("1/2-3", {"1": "plain number", "2": "plain number", "3": "plain number"}),
        ("%", {}),
        ("5", {"5": "plain number"}),
        ("", {}),
    ],
)
def test_numbers_by_kind(text, expected):
    assert numbers(text) == expected


@given(st.lists(st.text(alphabet="$%/-,. 0123MarchUSD:NYSE", max_size=30), max_size=5))
def test_no_character_is_in_two_numbers(texts):
    batch = of_texts(texts)
    spans = find(batch)
    order = np.argsort(spans.starts)
    assert np.all(spans.ends[order][:-1] <= spans.starts[order][1:])
    assert np.all(spans.starts < spans.ends)


@pytest.mark.parametrize(
    ("word", "shape"),
    [
        ("bank", "lower case"),
        ("Bank", "Capitalised"),
        ("A", "Capitalised"),
        ("EBITDA", "ALL CAPITALS"),
        ("eBay", "mIxed or with digits"),
        ("McDonald", "mIxed or with digits"),
        ("Q3", "mIxed or with digits"),
        ("שלום", "caseless script"),
        ("3,000", "number"),
        ("%", "sign"),
    ],
)
def test_shapes(word, shape):
    (index,) = shapes(of_texts([word]))
    assert SHAPES[index] == shape


def test_words_of_letters_alone():
    batch = of_texts(["Borrower na\u0308ive שלום Q3 bank's 10 % 利"])
    words = zip(batch.starts, batch.ends, spelled(batch), strict=True)
    assert [batch.joined[start:end] for start, end, is_spelled in words if is_spelled] == [
        *("Borrower", "na\u0308ive", "שלום")
    ]


@given(st.text(alphabet="ab \n", max_size=60), st.integers(3, 9))
def test_parts_of_a_long_text_give_it_back_and_end_behind_white_space(text, longest):
    parts = list(split_long(text, longest))
    assert "".join(parts) == text
    for part in parts[:-1]:
        assert 0 < len(part) <= longest
        assert part[-1].isspace() or not any(char.isspace() for char in part)
