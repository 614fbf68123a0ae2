"""Kinds of errors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.corpora.sentence import Entity, Sentence
from finkd.evaluation.error_analysis import Mistake, by_group, frequencies, mistakes
from finkd.scores import Counts


@st.composite
def entity_lists(draw):
    """Entities of one sentence, without overlap."""
    borders = sorted(draw(st.lists(st.integers(0, 12), unique=True, max_size=8)))
    pairs = zip(borders[::2], borders[1::2], strict=False)
    return [Entity(start, end, draw(st.sampled_from(["ORG", "PER"]))) for start, end in pairs]


@given(entity_lists(), entity_lists())
def test_every_entity_is_right_or_stands_in_one_mistake(gold, found):
    wrong = mistakes(gold, found)
    right = set(gold) & set(found)
    assert sorted([*right, *(each.gold for each in wrong if each.gold)]) == sorted(gold)
    assert sorted([*right, *(each.found for each in wrong if each.found)]) == sorted(found)
    for each in wrong:
        if each.gold and each.found:
            assert max(each.gold.start, each.found.start) < min(each.gold.end, each.found.end)
            same_words = (each.gold.start, each.gold.end) == (each.found.start, each.found.end)
            same_type = each.gold.type == each.found.type
            assert each.kind == {(True, False): "type", (False, True): "border"}.get(
                (same_words, same_type), "border and type"
            )
            assert not (same_words and same_type)
        else:
            assert each.kind == ("missed" if each.gold else "invented")


@given(entity_lists())
def test_nothing_is_wrong_with_gold(gold):
    assert mistakes(gold, gold) == []
    assert {each.kind for each in mistakes(gold, [])} <= {"missed"}
    assert {each.kind for each in mistakes([], gold)} <= {"invented"}


def test_the_same_words_are_matched_first():
    gold = [Entity(0, 3, "ORG")]
    found = [Entity(0, 1, "ORG"), Entity(1, 3, "PER")]
    assert mistakes(gold, found) == [
        Mistake("border", gold[0], found[0]),
        Mistake("invented", None, found[1]),
    ]
    assert mistakes([Entity(0, 2, "ORG"), Entity(2, 4, "PER")], [Entity(0, 2, "PER"), Entity(2, 3, "PER")]) == [
        Mistake("type", Entity(0, 2, "ORG"), Entity(0, 2, "PER")),
        Mistake("border", Entity(2, 4, "PER"), Entity(2, 3, "PER")),
    ]


SENTENCES = [
    Sentence.from_words(["Acme", "Corp", "paid", "Jane"], ["B-ORG", "I-ORG", "O", "B-PER"]),
    Sentence.from_words(["ACME", "Corp", "fell"], ["B-ORG", "I-ORG", "O"]),
]


def test_frequencies_ignore_case():
    assert frequencies(SENTENCES) == {"acme corp": 2, "jane": 1}


def test_groups_count_like_scores():
    found = [[Entity(0, 2, "ORG")], [Entity(0, 1, "ORG")]]
    counts = by_group(SENTENCES, found, lambda row, entity: str(entity.end - entity.start))
    assert counts == {"1": Counts(0, 1, 1), "2": Counts(1, 1, 2)}


@pytest.mark.parametrize("found", [[[], []], [[Entity(0, 2, "ORG"), Entity(3, 4, "PER")], [Entity(0, 2, "ORG")]]])
def test_all_or_nothing(found):
    counts = by_group(SENTENCES, found, lambda row, entity: entity.type)
    assert sum(each.gold for each in counts.values()) == 3
    assert sum(each.correct for each in counts.values()) == sum(map(len, found))
