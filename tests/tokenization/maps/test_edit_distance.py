import numpy as np
import pytest

from finkd.tokenization.maps.mined import MinED
from finkd.tokenization.surface import canonical_forms
from tests.toys import FAMILIES, handmade


def nearest(teacher, student, token, **settings):
    found = MinED(**settings)(teacher, student).best[student.backend.token_to_id(token)]
    return teacher.vocabulary[found] if found >= 0 else None


def test_values_by_hand():
    teacher = handmade("teacher", "lend", "lender", "bond", "##ers", "##x")
    student = handmade("student", "lenders", "bonds", "blend", "##er", "zzzz", "lend")
    assert nearest(teacher, student, "lend") == "lend"
    assert nearest(teacher, student, "lenders") == "lender"  # 1 of 7
    assert nearest(teacher, student, "bonds") == "bond"  # 1 of 5
    assert nearest(teacher, student, "blend") == "lend"  # 1 of 5
    assert nearest(teacher, student, "##er") == "##ers"  # continuations are compared with continuations
    assert nearest(teacher, student, "zzzz") is None
    assert nearest(teacher, student, "lenders", furthest=0.1) is None
    assert nearest(teacher, student, "zzzz", furthest=1.0) is None  # nothing in common is no find at any distance


def test_of_equally_near_entries_the_first_is_taken():
    assert nearest(handmade("teacher", "bonx", "bony"), handmade("student", "bonz"), "bonz") == "bonx"


@pytest.mark.parametrize(("teacher", "student"), [("roberta", "wordpiece_cased"), ("unigram", "roberta")])
def test_the_same_answer_as_a_slow_obvious_implementation(teacher, student):
    teacher, student = FAMILIES[teacher](), FAMILIES[student]()
    found = MinED()(teacher, student).best
    fold = teacher.lowercases or student.lowercases
    theirs, ours = canonical_forms(teacher, fold), canonical_forms(student, fold)
    for index, (text, inside) in list(ours.items())[::3]:
        distances = {
            place: distance(text, other) / max(len(text), len(other))
            for place, (other, continues) in theirs.items()
            if continues is inside
        }
        if min(distances.values()) > 0.5:
            assert found[index] == -1
        else:
            assert distances[int(found[index])] == pytest.approx(min(distances.values()))


def distance(one, two):
    """Levenshtein's, by the table."""
    row = np.arange(len(two) + 1)
    for i, a in enumerate(one, 1):
        new = [i]
        for j, b in enumerate(two, 1):
            new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (a != b)))
        row = np.array(new)
    return int(row[-1])
