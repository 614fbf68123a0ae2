"""Which sentences of a raw text are worth reading."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.corpora.sentence import Sentence
from finkd.corpora.text.selection import distinct, likeness, quality, ranks

pytestmark = pytest.mark.slow


def sentence(text):
    return Sentence.from_words(text.split())


LONG = "The bank said on Monday that it would lend another four billion dollars to the state of New York ."


def test_near_duplicates_are_left_out_and_the_first_stays():
    near = LONG.replace("four", "five")
    texts = [LONG, "Shares of Acme fell .", near, LONG, "Shares of Acme rose again after a week of losses ."]
    assert distinct([sentence(text) for text in texts], 0.5) == [0, 1, 4]


def test_case_is_no_difference_but_another_order_is():
    words = LONG.split()
    texts = [LONG, LONG.upper(), " ".join(reversed(words))]
    assert distinct([sentence(text) for text in texts], 0.8) == [0, 2]


@given(st.lists(st.sampled_from(["a b c d", "e f g h", "", "i", "j k"]), max_size=8))
def test_exactly_the_first_of_equal_sentences_stay(texts):
    first = [index for index, text in enumerate(texts) if texts.index(text) == index]
    assert distinct([sentence(text) for text in texts], 0.9) == first


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (LONG, 5),
        (LONG.rstrip(" ."), 4),
        ("12 13 14 15 16 17 18 .", 2),  # an end, few symbols
        ("| | | - - - 4 | |", 0),
        ("Reuters", 3),
    ],
)
def test_quality_by_hand(text, kept):
    (score,) = quality([sentence(text)])
    assert score == pytest.approx(kept / 5)


def test_likeness_by_hand():
    texts = [sentence(text) for text in ("the lender", "the song", "")]
    (lender, song, nothing) = likeness(texts, [sentence("the lender")])
    # the domain has 3 features, the text 6; "the" is twice in the text and once in the domain
    shares = 10_000 + np.array([3, 6])
    common, rare = np.log(2 / shares[0]) - np.log(3 / shares[1]), np.log(2 / shares[0]) - np.log(2 / shares[1])
    other = np.log(1 / shares[0]) - np.log(2 / shares[1])
    assert lender == pytest.approx((common + 2 * rare) / 3)
    assert song == pytest.approx((common + 2 * other) / 3)
    assert nothing == 0


def test_ranks_are_averaged_and_ties_shared():
    found = ranks([np.array([3.0, 1.0, 2.0]), np.array([0.0, 5.0, 5.0])])
    np.testing.assert_allclose(found, [(1 + 0) / 2, (0 + 0.75) / 2, (0.5 + 0.75) / 2])


@given(st.lists(st.text(max_size=12), max_size=6))
def test_any_text_can_be_scored(texts):
    sentences = [Sentence.from_words(text.split()) for text in texts]
    assert ((quality(sentences) >= 0) & (quality(sentences) <= 1)).all() if sentences else True
    assert np.isfinite(likeness(sentences, sentences)).all()
    assert len(distinct(sentences, 0.8)) <= len(sentences)
