import ctypes

from finkd.machine.memory import keep_freed_memory


def test_the_allocator_is_told_once(monkeypatch):
    told = []

    class Library:
        def mallopt(self, *setting):
            told.append(setting)

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    keep_freed_memory.cache_clear()
    for _ in range(2):
        keep_freed_memory()
    assert told == [(-4, 0), (-1, 2**31 - 1), (-2, 1 << 26)]


def test_other_allocators_are_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    keep_freed_memory.cache_clear()
    keep_freed_memory()
