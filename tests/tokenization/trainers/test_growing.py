import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.tokenization.trainers.counting import WordCounts
from finkd.tokenization.trainers.editing import Words
from finkd.tokenization.trainers.growing import BARRIER, Merge, frequent_merges, log_likelihood
from finkd.tokenization.vocabulary import Growth, grow
from tests.toys import DOMAIN, FAMILIES, TEXTS, handmade, roberta

each = pytest.mark.parametrize("family", sorted(FAMILIES))
ALL = Growth("fertility", threshold=0, step=7, most=500)


def tokenized(tokenizer, text):
    return tokenizer.backend.encode(text, add_special_tokens=False)


@each
def test_old_entries_keep_their_ids_and_new_ones_make_words_shorter(family):
    teacher = FAMILIES[family]()
    grown = grow(teacher, DOMAIN, growth=ALL)
    assert grown.vocabulary[: len(teacher)] == teacher.vocabulary
    assert len(grown) > len(teacher)
    assert len(set(grown.vocabulary)) == len(grown)
    assert len(tokenized(grown, DOMAIN[0]).ids) < len(tokenized(teacher, DOMAIN[0]).ids) / 2
    assert grown.special_ids == teacher.special_ids


def test_the_likelihood_by_hand():
    """Entry 5 three times and entry 6 once, in words that occur once, once and twice."""
    words = Words(np.array([5, 6, 5]), np.array([0, 1, 2, 3]), np.array([1, 1, 2]))
    assert log_likelihood(words, 9) == pytest.approx(3 * math.log(3 / 4) + math.log(1 / 4))


def test_a_word_by_hand():
    teacher = handmade("teacher", "a", "b", "##b", "##c", "##d")
    grown = grow(teacher, WordCounts({"abcd": 10, "bb": 3}), growth=Growth("fertility", 1, step=1))
    # All pairs of "abcd" occur ten times; the one that sorts first comes first, and its neighbours follow.
    assert grown.vocabulary[9:] == ("##bc", "##bcd", "abcd")


def test_fertility_is_of_distinct_words_that_the_teacher_cuts_finely():
    """Four and three tokens: 3.5 on average, however often each occurs; ``bb`` has only two and does not count."""
    teacher = handmade("teacher", "a", "b", "##b", "##c", "##d")
    counts = WordCounts({"abcd": 10, "bcd": 1000, "bb": 5000})
    unchanged = grow(teacher, counts, growth=Growth("fertility", 3.5, step=1))
    assert unchanged.vocabulary == teacher.vocabulary
    # "bb" is the most frequent pair and does not help the long words; "##cd" makes them three and two tokens.
    for threshold in (3.49, 2.5):
        assert grow(teacher, counts, growth=Growth("fertility", threshold, step=1)).vocabulary[9:] == ("bb", "##cd")
    assert len(grow(teacher, counts, growth=Growth("fertility", 2.49, step=1))) > 11


def test_the_likelihood_rule_stops_when_entries_gain_little():
    teacher = roberta()
    texts = [*DOMAIN, *TEXTS]
    sizes = [len(grow(teacher, texts, growth=Growth("likelihood", threshold, step=5))) for threshold in (1e9, 60, 0)]
    assert len(teacher) + 5 == sizes[0] <= sizes[1] <= sizes[2]
    assert sizes[0] < sizes[2]


def test_a_warning_says_that_the_rule_was_not_met(caplog):
    grow(roberta(), DOMAIN, growth=Growth("fertility", 0, step=2, most=4))
    assert "vocabulary.most: 4 entries added before the fertility rule was met" in caplog.text


counted = st.dictionaries(
    st.lists(st.sampled_from(["a", "b", "c", BARRIER]), min_size=1, max_size=6).map(tuple),
    st.integers(1, 5),
    max_size=8,
)


def slow(words, most):
    """The same by counting everything anew for every merge."""
    state = [(list(word), count) for word, count in words.items()]
    found, known, refused = [], set("abc"), set()
    while len(found) < most:
        counts = Counter()
        for word, times in state:
            for pair in pairwise(word):
                if BARRIER not in pair and pair not in refused:
                    counts[pair] += times
        best = min(counts.items(), key=lambda item: (-item[1], item[0]), default=(None, 0))
        if best[1] < 2:
            return found
        pair, count = best
        token = "".join(pair)
        if token in known:
            refused.add(pair)
            continue
        known.add(token)
        found.append(Merge(pair, token, count))
        for word, _ in state:
            place = 0
            while place < len(word) - 1:
                if (word[place], word[place + 1]) == pair:
                    word[place : place + 2] = [token]
                place += 1
    return found


@given(counted, st.integers(0, 6))
def test_the_same_merges_as_a_slow_obvious_implementation(words, most):
    assert frequent_merges(words, str.__add__, {"a", "b", "c"}, most) == slow(words, most)
