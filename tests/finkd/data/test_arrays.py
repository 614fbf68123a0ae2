"""Arrays in parts, read as one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from finkd.data.arrays import Joined


@given(st.data(), st.lists(st.integers(0, 4), min_size=1, max_size=5).filter(any), st.booleans())
def test_rows_of_parts_are_those_of_the_whole(data, sizes, rising):
    whole = np.arange(2 * sum(sizes)).reshape(-1, 2)
    joined = Joined(np.split(whole, np.cumsum(sizes)[:-1]))
    drawn = data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=12))
    rows = np.array(sorted(drawn) if rising else drawn, np.int64)
    assert joined.take(rows).tolist() == whole[rows].tolist()
    assert joined.take(rows, 1).tolist() == whole[rows, 1].tolist()
