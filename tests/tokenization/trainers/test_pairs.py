from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from finkd.tokenization.trainers.growing import BARRIER, Merge, frequent_merges

words = st.dictionaries(
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


@given(words, st.integers(0, 6))
def test_the_same_merges_as_a_slow_obvious_implementation(words, most):
    assert frequent_merges(words, str.__add__, {"a", "b", "c"}, most) == slow(words, most)


def test_a_barrier_and_a_taken_token_are_not_merged():
    assert frequent_merges({("a", BARRIER, "b"): 9}, str.__add__, {"a", "b"}, 5) == []
    assert frequent_merges({("a", "b"): 9}, str.__add__, {"a", "b", "ab"}, 5) == []
