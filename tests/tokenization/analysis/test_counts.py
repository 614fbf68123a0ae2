"""Counting tokens by character, groups by block and distinct words in bounded memory, against plain ways."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finkd.tokenization.analysis.batch import BLOCKS, of_texts
from finkd.tokenization.analysis.counts import CHARACTERS, CONTINUED, LOST, STRETCHES, TOKENS, WHOLE, Tally, TokenIndex
from finkd.tokenization.analysis.word_counter import WordCounter
from tests.toys import FAMILIES

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=25)


@pytest.mark.parametrize("name", FAMILIES)
@given(st.lists(TEXT, min_size=1, max_size=4))
@settings(max_examples=40)
def test_the_index_counts_as_looking_at_every_token_does(name, texts):
    tokenizer = FAMILIES[name]()
    batch, tokens = of_texts(texts), tokenizer.encode(texts)
    unknown = tokens.ids == tokenizer.special_ids["unk"]
    index = TokenIndex(tokens, batch, unknown)
    spans = [
        (start + base, end + base, hidden)
        for base, row, after in zip(batch.bases.tolist(), tokens.rows[:-1], tokens.rows[1:], strict=True)
        for start, end, hidden in zip(tokens.starts[row:after], tokens.ends[row:after], unknown[row:after], strict=True)
        if end > start
    ]
    touching, known = index.touching(batch.starts, batch.ends), index.known(batch.starts, batch.ends)
    for start, end, count, is_known in zip(batch.starts, batch.ends, touching, known, strict=True):
        over = [hidden for first, last, hidden in spans if first < end and last > start]
        assert (count, is_known) == (len(over), not any(over))
    borders = np.unique(np.concatenate((batch.starts, batch.ends)))
    expected = [any(first < border < last for first, last, _ in spans) for border in borders]
    assert index.inside(borders).tolist() == expected


def test_a_tally_sums_by_block_and_group_and_grows():
    tally = Tally()
    blocks, groups = np.array([0, 0, 3]), np.array([1, 1, 0])
    tally.add(blocks, groups, np.array([1, 3, 0]), np.array([True, False, False]), np.array([4, 5, 2]))
    assert tally.sums.shape == (BLOCKS, 2, 6)
    group = tally.group(1).sum(axis=0)
    expected = {STRETCHES: 2, TOKENS: 4, CONTINUED: 1, WHOLE: 1, LOST: 0, CHARACTERS: 9}
    assert {measure: group[measure] for measure in expected} == expected
    assert tally.group(0)[3, LOST] == 1
    assert tally.total[:, STRETCHES].tolist() == [2, 0, 0, 1] + [0] * (BLOCKS - 4)
    assert not tally.group(7).any()


def counted(texts, capacity, batch=3):
    counter = WordCounter(1, capacity)
    for start in range(0, len(texts), batch):
        laid = of_texts(texts[start : start + batch])
        extra = (laid.ends - laid.starts)[:, None] - 1
        counter.add([laid.joined[start:end] for start, end in zip(laid.starts, laid.ends, strict=True)], extra)
    return counter


@given(st.lists(st.text(alphabet="abc ", max_size=30), max_size=12))
def test_words_are_counted_wherever_they_stand(texts):
    expected = Counter(word for text in texts for word in text.split())
    found = counted(texts, capacity=10_000).worst(0, 10_000)
    assert {word: count for word, count, _ in found} == {w: n for w, n in expected.items() if len(w) > 1}
    assert all(extra == (count * (len(word) - 1),) for word, count, extra in found)
    costs = [(-extra[0], word) for word, _, extra in found]
    assert costs == sorted(costs)


@given(st.lists(st.text(alphabet="abcd ", max_size=30), max_size=20))
def test_a_bounded_counter_says_how_much_it_may_have_missed(texts):
    counter = counted(texts, capacity=4)
    found = {word: count for word, count, _ in counter.worst(0, 100)}
    assert len(found) <= 8
    for word, count in Counter(w for text in texts for w in text.split() if len(w) > 1).items():
        assert count - counter.missed <= found.get(word, 0) <= count
