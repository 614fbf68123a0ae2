"""Krippendorff's alpha, by hand and as published."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finkd.reports.statistics import ordinal_alpha

NONE = np.nan
PUBLISHED = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
    [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
]
"""Krippendorff (2011), section D: 4 observers, 12 units, grades missing; the last unit can be compared with none."""


def test_the_published_example():
    assert round(ordinal_alpha(np.array(PUBLISHED)), 3) == 0.815


def test_a_case_by_hand():
    # Two raters, three items: 1 1, 1 2, 2 2. Each grade is given 3 times, so 1 and 2 lie 3 + 3 - 3 = 3 apart, squared
    # 9. Observed: one pair of unlike grades, both ways 2 * 9; expected: 2 * 3 * 3 * 9 / 5.
    assert ordinal_alpha(np.array([[1.0, 1, 2], [1, 2, 2]])) == pytest.approx(1 - 18 / (162 / 5))


@pytest.mark.parametrize(
    "grades",
    [[[1.0, 2, 3]], [[2.0, 2], [2, 2]], [[1.0, NONE], [NONE, 2]], [[1.0, NONE], [1, 2]], [[NONE], [NONE]], [[], []]],
    ids=["one rater", "one grade", "no item twice", "one item twice, alike", "nothing", "no items"],
)
def test_it_is_undefined_where_nothing_can_differ(grades):
    assert ordinal_alpha(np.array(grades)) is None


def by_definition(grades):
    """One less the mean distance within items over that of all values, pair by pair."""
    items = [[value for value in column if not np.isnan(value)] for column in grades.T]
    items = [values for values in items if len(values) > 1]
    every = [value for values in items for value in values]

    def distance(one, other):
        low, high = sorted((one, other))
        between = sum(low <= value <= high for value in every)
        return 0 if one == other else (between - (every.count(low) + every.count(high)) / 2) ** 2

    within = sum(
        sum(itertools.starmap(distance, itertools.permutations(values, 2))) / (len(values) - 1) for values in items
    )
    across = sum(itertools.starmap(distance, itertools.permutations(every, 2))) / (len(every) - 1)
    return 1 - within / across


@given(arrays(float, st.tuples(st.integers(2, 4), st.integers(2, 6)), elements=st.sampled_from([1, 2, 3, 5, NONE])))
def test_it_is_what_the_definition_says(grades):
    found = ordinal_alpha(grades)
    if found is not None:
        assert found == pytest.approx(by_definition(grades))
        assert found <= 1
        assert ordinal_alpha(grades * 10 - 3) == pytest.approx(found)  # only the order of grades counts
        assert ordinal_alpha(grades[::-1]) == pytest.approx(found)
