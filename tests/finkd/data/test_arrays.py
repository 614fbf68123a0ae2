"""Arrays in parts, read as one."""

import weakref

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from finkd.data import arrays
from finkd.data.arrays import Joined


@given(st.data(), st.lists(st.integers(0, 4), min_size=1, max_size=5).filter(any), st.booleans())
def test_rows_of_parts_are_those_of_the_whole(data, sizes, rising):
    whole = np.arange(2 * sum(sizes)).reshape(-1, 2)
    joined = Joined(np.split(whole, np.cumsum(sizes)[:-1]), np.asarray)
    drawn = data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=12))
    rows = np.array(sorted(drawn) if rising else drawn, np.int64)
    assert joined.take(rows).tolist() == whole[rows].tolist()
    assert np.asarray(joined).tolist() == whole.tolist()


def test_few_of_many_parts_are_open_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "_OPEN", 2)
    opened = []

    def read(number):
        part = np.load(tmp_path / f"{number}.npy", mmap_mode="r")
        opened.append(weakref.ref(part))
        return part

    for number in range(5):
        np.save(tmp_path / f"{number}.npy", np.full((3, 2), number))
    joined = Joined(range(5), read)
    for rows in (np.arange(15), np.array([14, 0, 7])):
        assert (joined.take(rows) == rows[:, None] // 3).all()
        assert sum(part() is not None for part in opened) == 2
