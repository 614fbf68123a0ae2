import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.corpora.errors import ConfigError
from finkd.tokenization.trainers.counting import WordCounts, count_words, mix_counts
from tests.toys import TEXTS

words = st.lists(st.sampled_from("abcdefghijkl"), max_size=200)


def test_words_are_counted_exactly_while_there_is_room():
    counted = count_words(iter(TEXTS))
    assert counted.counts == Counter(" ".join(TEXTS).split())
    assert counted.missed == 0
    assert counted.total == sum(map(len, map(str.split, TEXTS)))
    assert count_words(counted) is counted


@given(words, st.integers(2, 12))
def test_beyond_that_no_count_is_off_by_more_than_it_says(sequence, capacity):
    counted = count_words(iter(sequence), capacity)
    assert len(counted.counts) <= capacity
    for word, count in Counter(sequence).items():
        assert 0 <= count - counted.counts.get(word, 0) <= counted.missed


def test_frequent_words_survive_any_number_of_rare_ones(caplog):
    sequence = [f"rare{number}" for number in range(5000)] + ["common"] * 500
    random.Random(1).shuffle(sequence)
    counted = count_words(iter(sequence), 100)
    assert 500 - counted.counts["common"] <= counted.missed < 500
    assert "more than 100 distinct words" in caplog.text


def test_half_of_a_surrogate_pair_is_refused():
    with pytest.raises(ConfigError, match=r"^vocabulary\.texts: .* is not text") as refusal:
        count_words(["a bank", "a\ud800b"])
    assert "\n" not in str(refusal.value)


def test_a_mix_by_hand():
    """10 and 30 words, half and half: general counts double, the domain's fall to two thirds."""
    general = WordCounts({"the": 8, "dog": 2})
    domain = WordCounts({"the": 15, "bond": 14, "rare": 1}, missed=3)
    mixed = mix_counts(general, domain, 0.5)
    assert mixed.counts == {"the": 26, "dog": 4, "bond": 9, "rare": 1}
    assert mixed.missed == 2


@pytest.mark.parametrize("weight", [0, 1, -1, 2, float("nan")])
def test_other_weights_are_refused(weight):
    with pytest.raises(ConfigError, match=r"^vocabulary\.weight: .* between 0 and 1 \(got"):
        mix_counts(["a"], ["b"], weight)


@pytest.mark.parametrize(("general", "domain", "name"), [([], ["a"], "general"), (["a"], [""], "domain")])
def test_a_corpus_without_a_word_is_refused(general, domain, name):
    with pytest.raises(ConfigError, match=rf"^vocabulary\.{name}: no word"):
        mix_counts(general, domain, 0.5)


def test_likely_names_count_several_times():
    texts = ["The bank of Oslo lent Oslo money", "ALL IN CAPITALS", "Oslo"]
    plain, favoured = count_words(texts).counts, count_words(texts, names=5).counts
    assert favoured == {**plain, "Oslo": plain["Oslo"] + 2 * 4}
    assert plain["Oslo"] == 3
