"""Probabilities of entities against sums over all label sequences."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.corpora.tags import entities, first_illegal
from finkd.inference.marginals import entity_probabilities
from finkd.inference.viterbi import decode

LABELS = ("I-ORG", "O", "B-ORG", "B-PER", "I-PER", "B-LOC")


def all_entities(logits):
    """Probability of each entity of a sentence, by summing over every legal sequence."""
    found, whole = {}, 0.0
    for path in product(range(len(LABELS)), repeat=len(logits)):
        tags = [LABELS[label] for label in path]
        if first_illegal(tags, "IOB2"):
            continue
        weight = np.exp(sum(logits[word][label] for word, label in enumerate(path)))
        whole += weight
        for entity in entities(tags):
            found[entity] = found.get(entity, 0.0) + weight
    return {entity: weight / whole for entity, weight in found.items()}


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_entities_are_as_probable_as_the_sequences_that_hold_them(lengths, seed):
    random = np.random.default_rng(seed)
    scores = [random.normal(0, 3, (length, len(LABELS))).astype(np.float32) for length in lengths]
    expected = [all_entities(each.astype(float)) for each in scores]
    found = []  # entities of one sentence must not overlap, so each is asked for alone
    for sentence, every in zip(scores, expected, strict=True):
        for entity, probability in every.items():
            found.append((sentence, [entity], probability))
    given_scores, asked, probabilities = zip(*found, strict=True)
    computed = entity_probabilities(given_scores, LABELS, asked)
    np.testing.assert_allclose([each[0] for each in computed], probabilities, rtol=1e-5)


@given(st.lists(st.integers(0, 30), min_size=0, max_size=6), st.integers(0, 2**32 - 1))
def test_the_entities_of_the_best_sequence_have_a_probability(lengths, seed):
    random = np.random.default_rng(seed)
    scores = [random.normal(0, 50, (length, len(LABELS))).astype(np.float32) for length in lengths]
    found = [entities(tags) for tags in decode(scores, LABELS)]
    computed = entity_probabilities(scores, LABELS, found)
    assert [len(each) for each in computed] == [len(each) for each in found]
    assert all(0 <= probability <= 1 for each in computed for probability in each)


def test_a_word_without_a_token_ends_an_entity():
    missing = np.full((1, len(LABELS)), np.nan, np.float32)
    certain = np.where(np.array(LABELS) == "B-ORG", 3.0, 0.0).astype(np.float32)[None]
    scores = [np.concatenate([certain, missing]), certain]
    ((first,), (alone,)) = entity_probabilities(scores, LABELS, [entities(["B-ORG", "O"]), entities(["B-ORG"])])
    assert first == pytest.approx(alone)
