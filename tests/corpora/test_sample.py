"""The sample corpus and its grammar: disjoint sides, honest labels, the same sentences everywhere."""

import hashlib
import itertools
import random

import pytest

from finkd.corpora import entities, load, stream
from finkd.corpora.catalog.sample import TYPES, Grammar, side

SIDES = ("train", "validation", "test", "text")
NAMES = ("first", "last", "place", "stem", "acronym", "year", "letter", "fraction")


@pytest.fixture(scope="module")
def sample():
    return load("sample")


def surfaces(sentences):
    return {
        (" ".join(sentence.words[each.start : each.end]), each.type)
        for sentence in sentences
        for each in entities(sentence.tags)
    }


@pytest.mark.parametrize(("one", "other"), itertools.combinations(SIDES, 2))
def test_sides_share_no_templates(one, other):
    assert not set(side(one).templates) & set(side(other).templates)


@pytest.mark.parametrize(("one", "other"), itertools.combinations(SIDES[:3], 2))
def test_labelled_sides_share_no_names(one, other):
    for rule in NAMES:
        assert not set(side(one).rules[rule]) & set(side(other).rules[rule])


def test_every_type_occurs_often_on_every_side(sample):
    for part in sample.splits.values():
        found = [each.type for sentence in part for each in entities(sentence.tags)]
        assert all(found.count(type_) >= 50 for type_ in TYPES)
        assert any(not entities(sentence.tags) for sentence in part)


def test_a_dictionary_of_training_entities_finds_nothing(sample):
    known = {surface for surface, _ in surfaces(sample.splits["train"])}
    for split in ("validation", "test"):
        assert not known & {surface for surface, _ in surfaces(sample.splits[split])}


def test_one_surface_has_several_types(sample):
    # Without that, a list of names would do: the context has to be read.
    words = [surface for surface, _ in surfaces(sample.splits["train"])]
    assert len(words) - len(set(words)) >= 10


def test_the_sample_is_the_same_on_every_machine(sample):
    texts = [each.text for part in sample.splits.values() for each in part]
    assert {split: len(part) for split, part in sample.splits.items()} == {"train": 700, "validation": 200, "test": 300}
    assert len(set(texts)) == 1200
    assert len(set(stream("sample-text"))) == 4000
    assert hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16] == "753c52174b179b44"
    assert hashlib.sha256("\n".join(stream("sample-text")).encode()).hexdigest()[:16] == "a73418aabd30c1b4"


def test_a_grammar_labels_what_it_writes():
    grammar = Grammar(("{who} met {X}[ and {Y:who}].",), {"who": ("mr. {n}",), "n": ("A.",), "X": ("B & C",)}, ("X",))
    found = {grammar.sentence(random.Random(seed))[0] for seed in range(9)}
    assert found == {"Mr. A. met B & C.", "Mr. A. met B & C and mr. A."}
    for seed in range(9):
        text, spans = grammar.sentence(random.Random(seed))
        assert [(text[start:end], type_) for start, end, type_ in spans] in (
            [("B & C", "X")],
            [("B & C", "X"), ("mr. A.", "Y")],
        )
