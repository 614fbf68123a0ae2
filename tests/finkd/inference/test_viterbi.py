from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from finkd.corpora.tags import first_illegal
from finkd.inference.grammar import grammar
from finkd.inference.viterbi import decode
from tests.finkd.toys import LABELS


def random_scores(words, seed):
    return np.random.default_rng(seed).normal(0, 2, (words, len(LABELS))).astype(np.float32)


def by_brute_force(scores):
    legal = [path for path in product(LABELS, repeat=len(scores)) if first_illegal(path, "IOB2") is None]
    table = log_softmax(scores.astype(float), axis=1)
    return list(max(legal, key=lambda path: sum(table[w, LABELS.index(tag)] for w, tag in enumerate(path))))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(0, 999))
def test_it_finds_the_best_legal_sequence_of_each_sentence(lengths, seed):
    batch = [random_scores(words, seed + index) for index, words in enumerate(lengths)]
    assert decode(batch, LABELS) == [by_brute_force(scores) for scores in batch]


@pytest.mark.parametrize("unseen", [0, 1, 2])
def test_a_word_that_the_model_did_not_see_is_outside(unseen):
    scores = np.full((3, len(LABELS)), 0, np.float32)
    scores[:, LABELS.index("I-ORG")] = 50
    scores[0, LABELS.index("B-ORG")] = 100
    scores[unseen] = np.nan
    (tags,) = decode([scores], LABELS)
    assert tags[unseen] == "O"
    assert first_illegal(tags, "IOB2") is None


def test_nothing_gives_nothing():
    assert decode([], LABELS) == []
    assert decode([random_scores(0, 0)], LABELS) == [[]]


def by_full_matrix(scores, labels):
    """Viterbi over a table of all transitions, one sentence at a time."""
    inside = [label[2:] if label.startswith("I-") else None for label in labels]
    types = [label[2:] for label in labels]
    steps = np.array([[0 if to is None or to == type_ else -np.inf for to in inside] for type_ in types])
    table = np.where(np.isnan(scores), np.where(np.array(labels) == "O", 0, -1e6), scores.astype(np.float64))
    best = table[0] + np.where([each is None for each in inside], 0, -np.inf)
    back = []
    for row in table[1:]:
        options = best[:, None] + steps
        back.append(options.argmax(axis=0))
        best = options.max(axis=0) + row
    path = [int(best.argmax())]
    for before in reversed(back):
        path.append(int(before[path[-1]]))
    return [labels[label] for label in reversed(path)]


@st.composite
def label_sets(draw):
    """Labels of a tagger in any order; types with hyphens, called as prefixes, and without one of their two labels."""
    types = draw(
        st.lists(st.sampled_from(["ORG", "ORG-", "-NONE-", "O", "B", "I", "B-I", "a-b"]), unique=True, max_size=5)
    )
    every = [f"{prefix}-{name}" for name in types for prefix in draw(st.sampled_from(["BI", "BI", "BI", "B", "I"]))]
    return draw(st.permutations(["O", *every]))


@given(label_sets(), st.lists(st.integers(1, 7), max_size=6), st.integers(0, 999), st.sampled_from([0.0, 0.5, 3.0]))
def test_it_is_viterbi_over_all_transitions_ties_included(labels, lengths, seed, spread):
    draw = np.random.default_rng(seed)
    # Whole numbers make ties of different paths, a spread of 0 ties of all.
    batch = [np.rint(draw.normal(0, spread, (words, len(labels)))).astype(np.float32) for words in lengths]
    for scores in batch:
        scores[draw.random(len(scores)) < 0.1] = np.nan
    assert decode(batch, labels) == [by_full_matrix(scores, labels) for scores in batch]


def test_the_grammar_grows_with_the_labels_and_not_with_their_square():
    labels = ("O", *(f"{prefix}-{number}" for number in range(5000) for prefix in "BI"))
    rules = grammar(labels)
    assert max(np.size(each) for each in vars(rules).values() if not isinstance(each, dict)) == len(labels)
    scores = np.zeros((3, len(labels)), np.float32)
    scores[:, labels.index("I-4999")] = 2
    scores[0, labels.index("B-4999")] = 1
    assert decode([scores], labels) == [["B-4999", "I-4999", "I-4999"]]
