import ctypes

import pytest

from finkd.machine.memory import keep_freed_memory


@pytest.fixture(autouse=True)
def _asked_anew():
    """Nothing is known of the allocator before a test, nor of a test's stand-in after it."""
    keep_freed_memory.cache_clear()
    yield
    keep_freed_memory.cache_clear()


def test_the_allocator_is_told_once(monkeypatch):
    told = []

    class Library:
        def mallopt(self, *setting):
            told.append(setting)

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    for _ in range(2):
        keep_freed_memory()
    assert told == [(-4, 0), (-1, 2**31 - 1), (-2, 1 << 26)]


def test_other_allocators_are_left_alone(monkeypatch):
    asked = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name: asked.append(name) or object())
    keep_freed_memory()
    assert len(asked) == 1
