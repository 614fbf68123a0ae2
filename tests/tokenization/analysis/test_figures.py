"""Intervals, entropies, divergences, costs and knees against values worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.tokenization.analysis.batch import BLOCKS
from finkd.tokenization.analysis.bootstrap import Bootstrap, of_counts, quotient
from finkd.tokenization.analysis.metrics import Encoder, core_entries, divergence, knee, renyi_efficiency
from finkd.tokenization.analysis.profiles import percentile

COUNTS = st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(any)


def blocks(values):
    return np.array([*values, *[0] * (BLOCKS - len(values))], np.int64)


def test_a_ratio_lies_within_its_interval_and_comes_out_the_same_again():
    texts, part, whole = blocks([1] * 20), blocks(range(20)), blocks([20] * 20)
    estimate = Bootstrap.over(texts).ratio(part, whole)
    assert estimate.value == pytest.approx(190 / 400)
    assert 0.3 < estimate.low < estimate.value < estimate.high < 0.65
    assert estimate == Bootstrap.over(texts).ratio(part, whole)
    assert estimate != Bootstrap.over(texts, stream=1).ratio(part, whole)


def test_one_block_has_no_interval_and_nothing_has_no_share():
    bootstrap = Bootstrap.over(blocks([5]))
    assert bootstrap.ratio(blocks([1]), blocks([4])).low is None
    assert bootstrap.ratio(blocks([0]), blocks([0])) is None
    counts = np.zeros((BLOCKS, 2), np.int64)
    counts[0] = 3, 1
    assert of_counts(divergence, (bootstrap, counts), (bootstrap, counts)).high is None


def test_the_percentile_interval_covers_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        part = random.binomial(100, 0.3, BLOCKS)
        estimate = Bootstrap.over(np.ones(BLOCKS, np.int64)).ratio(part, np.full(BLOCKS, 100))
        hits += estimate.low <= 0.3 <= estimate.high
    assert 180 <= hits <= 199


def test_a_quotient_divides_two_texts():
    first, second = Bootstrap.over(blocks([1] * 10)), Bootstrap.over(blocks([1] * 10), 1)
    ours, theirs = (first, blocks([3] * 10), blocks([2] * 10)), (second, blocks([1] * 10), blocks([1] * 10))
    assert quotient(ours, theirs).value == 1.5
    assert quotient(ours, (second, blocks([0] * 10), blocks([1] * 10))) is None


def test_renyi_efficiency_by_hand():
    assert renyi_efficiency(np.array([[2.0, 2, 2, 2], [8, 0, 0, 0]]), 4) == pytest.approx([1, 0])
    # H = log(.75^2.5 + .25^2.5) / (1 - 2.5), over log 4.
    expected = math.log(0.75**2.5 + 0.25**2.5) / -1.5 / math.log(4)
    assert renyi_efficiency(np.array([[3.0, 1, 0, 0]]), 4) == pytest.approx([expected])


@given(COUNTS, COUNTS)
def test_divergence_is_a_symmetric_share_of_a_bit(ours, theirs):
    p, q = np.array([ours], float), np.array([theirs], float)
    (found,) = divergence(p, q)
    assert 0 <= found <= 1
    assert divergence(q, p) == pytest.approx([found])
    assert divergence(p, 7 * p) == pytest.approx([0], abs=1e-12)


def test_divergence_by_hand():
    assert divergence(np.array([[1.0, 0]]), np.array([[0.0, 5]])) == pytest.approx([1])
    # p = (1, 0), q = (1/2, 1/2), middle (3/4, 1/4): H(m) - H(q) / 2.
    middle = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    assert divergence(np.array([[4.0, 0]]), np.array([[1.0, 1]])) == pytest.approx([middle - 0.5])


def test_core_entries():
    assert core_entries(np.array([5, 90, 4, 1, 0])) == 2
    assert core_entries(np.zeros(3, np.int64)) == 0


@given(st.lists(st.integers(0, 40), min_size=1, max_size=30), st.sampled_from([0.0, 0.5, 0.95, 1.0]))
def test_a_percentile_is_numpys(lengths, share):
    assert percentile(np.bincount(lengths), share) == pytest.approx(np.percentile(lengths, 100 * share))


def test_costs_by_hand():
    encoder = Encoder(parameters=1000, width=10, rank=5, layers=2, heads=2, intermediate=40, positions=8)
    # A token: 2 * (8 * 100 + 4 * 10 * 40 + 4 * 3 * 10) = 5040 at length 3; 1.5 tokens per word.
    tokens, words, texts = (np.array([value], float) for value in (6, 4, 2))
    assert encoder.flops_per_word(tokens, words, texts) == pytest.approx([7560])
    assert encoder.embedding_share(50, 50) == 0.25
    assert encoder.embedding_share(50, 20) == pytest.approx(100 / 850)


@pytest.mark.parametrize(
    ("sizes", "costs", "expected"),
    [
        ([1, 2, 4, 8], [2.0, 1.4, 1.2, 1.1], 2),
        ([1, 2, 3, 10], [3.0, 2.9, 1.0, 1.0], 3),
        ([1, 2, 3], [3.0, 2.0, 1.0], None),
        ([1, 2, 3], [3.0, 2.9, 1.0], None),
        ([1, 2, 3], [1.0, 0.5, 1.0], None),
        ([1, 2], [2.0, 1.0], None),
    ],
)
def test_knee(sizes, costs, expected):
    assert knee(sizes, costs) == expected
