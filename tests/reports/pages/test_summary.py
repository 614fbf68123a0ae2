import pytest

from finkd.reports.pages.page import summary
from finkd.reports.sections import sections
from tests.reports.examples import example_records, record

BOTH = (
    "On fin3 (test split), the student domain-vocabulary keeps 93.0% of the teacher's micro-F1 (0.800 of 0.860) "
    "with 30.0% of its parameters and is 3.0 times as fast."
)


@pytest.mark.parametrize(
    ("records", "end"),
    [
        (example_records(), BOTH),
        (
            [record("t", "teacher", 1, latency=2.0), record("s", "student", 1, latency=3.0)],
            "(0.700 of 0.700) and takes 1.5 times as long per sentence.",
        ),
        (
            [*example_records(), record("lookup", "baseline", 1, org=(80, 80, 80))],
            f"{BOTH} The baseline lookup, which learns nothing, is not beaten: 0.900.",
        ),
        ([record("s", "student", 1)], "On fin3 (test split), the student s reaches micro-F1 0.700."),
        ([record("f", "baseline", 1)], "On fin3 (test split), f reaches micro-F1 0.700."),
    ],
)
def test_a_section_in_a_sentence(records, end):
    (section,) = sections(records)
    assert summary(section).endswith(end)
