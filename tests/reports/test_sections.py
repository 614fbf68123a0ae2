import dataclasses
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.corpora.errors import DataError
from finkd.reports.sections import sections
from finkd.reports.spread import Spread
from tests.reports.examples import ORDER, example_records, record


def test_spread_by_hand():
    assert Spread.of([0.8, 0.9, 1.0]) == Spread(pytest.approx(0.9), pytest.approx(0.1), 3)
    assert Spread.of([0.5]) == Spread(0.5, None, 1)
    assert Spread.of([None, 2.0, math.nan, math.inf, 4.0]) == Spread(3.0, pytest.approx(math.sqrt(2)), 2)
    assert Spread.of([None]) is None


@pytest.mark.parametrize(
    ("config", "order"),
    [
        (lambda each: each.config, ORDER),
        (lambda each: {"systems": [each.system, "minilm"]} if each.seed == 1 else each.config, ORDER),
        (lambda each: {}, ["dictionary", "two words", "minilm", "domain-vocabulary", "plain"]),
    ],
    ids=["as configured", "runs that left systems out", "by name"],
)
def test_baselines_then_teacher_then_students(config, order):
    (section,) = sections([dataclasses.replace(each, config=config(each)) for each in example_records()])
    assert [system.name for system in section.systems] == order


@given(st.permutations(example_records()))
def test_order_of_records_does_not_matter(records):
    assert sections(records) == sections(example_records())


def test_one_section_per_experiment_corpus_and_split():
    one = record("a", "student", 1)
    others = [dataclasses.replace(one, **{field: "b"}) for field in ("experiment", "corpus", "split")]
    assert len(sections([one, *others])) == 4


def test_a_record_given_twice_counts_once():
    (section,) = sections(example_records() * 2)
    assert section.best_student.f1.n == 2


def test_mean_ranks_by_hand():
    correct = {("a", 1): 70, ("a", 2): 60, ("b", 1): 60, ("b", 2): 60, ("b", 3): 80, ("c", 1): 50, ("c", 2): 50}
    records = [record(name, "student", seed, org=(found, 80, 80)) for (name, seed), found in correct.items()]
    (section,) = sections([*records, record("t", "teacher", 1, org=(80, 80, 80))])
    assert section.mean_ranks == {"a": 1.25, "b": 1.75, "c": 3}  # on seed 2, a and b share the ranks 1 and 2
    for fewer in (records[:2], [records[0], records[3]]):  # one student; students of different seeds
        (section,) = sections(fewer)
        assert section.mean_ranks == {}


def test_retention_is_the_ratio_of_means():
    (section,) = sections(example_records())
    assert section.retention(section.best_student) == pytest.approx(0.80 / 0.86)
    assert section.retention(section.teacher) is None
    for teachers in ([], [record("t", "teacher", 1, org=(0, 0, 80), per=(0, 0, 20))]):
        (section,) = sections([record("a", "student", 1), *teachers])
        assert section.retention(section.best_student) is None


def test_retention_is_a_share_of_the_students_own_teacher():
    records = [
        record("big", "teacher", 1, org=(80, 80, 80), per=(20, 20, 20)),
        record("own", "teacher", 1, org=(40, 40, 80), per=(10, 10, 20)),
        record("a", "student", 1, org=(40, 40, 80), per=(10, 10, 20)),
    ]
    for teacher, retention in (("big", 2 / 3), ("own", 1.0)):
        config = {"systems": {"a": {"strategy": "finetune", "teacher": teacher}}}
        (section,) = sections([dataclasses.replace(each, config=config) for each in records])
        assert section.retention(section.best_student) == pytest.approx(retention)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "no run records"),
        ([record("a", "student", 1), record("a", "student", 1, per=(0, 0, 20))], "two different records"),
        ([record("a", "boss", 1)], "role 'boss', expected one of baseline, teacher, student"),
        ([record("a", "student", 1), record("a", "teacher", 2)], "must share role and strategy"),
        ([record("a", "student", 1), record("b", "student", 1, per=(1, 2, 19))], "19 gold entities of type PER"),
    ],
)
def test_contradictions_are_refused_in_one_line(records, message):
    with pytest.raises(DataError, match=message) as caught:
        sections(records)
    assert "\n" not in str(caught.value)


def test_in_cross_validation_f1_is_that_of_all_folds_together():
    """Two folds, of 10 and 90 entities; the student lacks the second one."""
    folds = {1: (5, 10, 10), 2: (81, 90, 90)}
    config = {"cross_validation": 2}

    def of(name, role, seeds):
        return [record(name, role, seed, org=folds[seed], per=(0, 0, 0), config=config) for seed in seeds]

    (section,) = sections([*of("t", "teacher", (1, 2)), *of("half", "student", (2,)), *of("a", "student", (1, 2))])
    a, half = section.of_role("student")
    assert a.f1 == Spread(0.86, pytest.approx(statistics.stdev([0.5, 0.9])), 2)
    assert half.f1 == Spread(0.9, None, 1)
    assert section.best_student is a
    assert [section.retention(each) for each in (a, half)] == [1.0, 1.0]
    (section,) = sections([*of("t", "teacher", (1,)), *of("half", "student", (2,))])
    assert section.retention(section.best_student) is None  # no fold in common
