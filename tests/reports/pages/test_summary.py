import pytest

import finkd.reports.pages.summary as module
from finkd.reports.bootstrap import Comparison, Noise
from finkd.reports.compared_systems import ComparedSystem
from finkd.reports.pages.summary import summary
from finkd.reports.sections import sections
from tests.reports.examples import example_records, record

BOTH = (
    "On fin3 (test split), the student domain-vocabulary keeps 93.0% of the teacher's micro-F1 (0.800 of 0.860) "
    "with 30.0% of its parameters and is 3.0 times as fast."
)
OTHER = "The other student is not significantly behind it."


@pytest.mark.parametrize(
    ("records", "end"),
    [
        (example_records(), f"{BOTH} {OTHER}"),
        (
            [record("t", "teacher", 1, latency=2.0), record("s", "student", 1, latency=3.0)],
            "(0.700 of 0.700) and takes 1.5 times as long per sentence.",
        ),
        (
            [*example_records(), record("lookup", "baseline", 1, org=(80, 80, 80))],
            f"{BOTH} The baseline lookup, which learns nothing, is not beaten: 0.900. {OTHER}",
        ),
        ([record("s", "student", 1)], "On fin3 (test split), the student s reaches micro-F1 0.700."),
        ([record("f", "baseline", 1)], "On fin3 (test split), f reaches micro-F1 0.700."),
    ],
)
def test_a_section_in_a_sentence(records, end):
    (section,) = sections(records)
    assert summary(section).endswith(end)


@pytest.mark.parametrize(
    ("chances", "said"),
    [
        ((0.2, 0.3), "Of the 2 other students, none is significantly behind it."),
        ((0.01, 0.3), "Of the 2 other students, 1 is significantly behind it."),
        ((0.01, 0.03, 0.3), "Of the 3 other students, 2 are significantly behind it."),
        ((0.01,), "The other student is significantly behind it."),
    ],
)
def test_the_students_that_are_behind_are_counted(chances, said, monkeypatch):
    (section,) = sections(example_records())
    (other,) = (each for each in section.of_role("student") if each is not section.best_student)
    comparison = Comparison(0.1, 0.05, 0.15, 0.01, 1.0, 9, 3, Noise(0.02, 0.01, 0))
    monkeypatch.setattr(
        module, "compared_systems", lambda section: [ComparedSystem(other, comparison, p) for p in chances]
    )
    assert summary(section).endswith(said)
