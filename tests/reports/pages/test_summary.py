from finkd.reports.pages.page import summary
from finkd.reports.sections import sections
from tests.reports.examples import example_records, record


def sentence(records):
    (section,) = sections(records)
    return summary(section)


def test_student_against_teacher():
    assert sentence(example_records()) == (
        "On fin3 (test split), the student domain-vocabulary keeps 93.0% of the teacher's micro-F1 (0.800 of 0.860) "
        "with 30.0% of its parameters and is 3.0 times as fast."
    )


def test_slower_student():
    records = [record("t", "teacher", 1, latency=2.0), record("s", "student", 1, latency=3.0)]
    assert sentence(records).endswith("(0.700 of 0.700) and takes 1.5 times as long per sentence.")


def test_a_floor_that_is_not_beaten_is_said():
    baseline = record("lookup", "baseline", 1, org=(80, 80, 80))
    assert "The baseline lookup, which learns nothing, is not beaten: 0.900." in sentence(
        [*example_records(), baseline]
    )


def test_student_alone():
    assert sentence([record("s", "student", 1)]) == "On fin3 (test split), the student s reaches micro-F1 0.700."


def test_floor_alone():
    assert sentence([record("f", "baseline", 1)]) == "On fin3 (test split), f reaches micro-F1 0.700."
