"""Parts of a long result: filled one at a time, shared out among processes."""

import weakref

import pytest

from finkd.machine import processes
from finkd.store import Store, address
from finkd.stored_parts import Parts

KEYS = [address({"part": number}) for number in range(6)]


class Filling:
    """Writes a part."""

    def __init__(self, number):
        self.number = number

    def __call__(self, folder):
        (folder / "number").write_text(str(self.number))
        return 1


class Fills:
    """Counts how often they are asked for, and how many are alive at most."""

    def __init__(self):
        self.times = self.most = 0

    def __call__(self):
        self.times += 1
        alive = weakref.WeakSet()
        for number in range(len(KEYS)):
            fill = Filling(number)
            alive.add(fill)
            self.most = max(self.most, len(alive))
            yield fill


def numbers(folders):
    return [int((folder / "number").read_text()) for folder in folders]


def test_fills_are_not_held_all_at_once(tmp_path):
    fills = Fills()
    assert numbers(Parts(Store(tmp_path), KEYS, "test").share_out(fills)) == [0, 1, 2, 3, 4, 5]
    assert fills.most <= 2  # the next one is made before the last one goes
    assert fills.times == 1


@pytest.mark.parametrize(("left_out", "times"), [((), 1), ((2,), 2)])
def test_parts_of_other_processes_are_read_from_the_store(left_out, times, tmp_path, monkeypatch):
    store = Store(tmp_path)

    def others_fill():
        for number in {0, 2, 4} - set(left_out):
            store.filled(KEYS[number], {}, Filling(number))

    monkeypatch.setattr(processes, "number", lambda: 1)
    monkeypatch.setattr(processes, "count", lambda: 2)
    monkeypatch.setattr(processes, "wait", others_fill)
    fills = Fills()
    assert numbers(Parts(store, KEYS, "test").share_out(fills)) == [0, 1, 2, 3, 4, 5]
    assert fills.times == times
