import threading

import pytest

from finkd.data.prefetch import prefetched


def test_batches_come_in_order_and_are_made_a_few_ahead():
    made = []

    def collate(number):
        made.append((number, threading.current_thread() is threading.main_thread()))
        return number

    batches = prefetched(collate, range(5), ahead=2)
    assert next(batches) == 0
    assert len(made) <= 3
    assert list(batches) == [1, 2, 3, 4]
    assert made == [(number, False) for number in range(5)]


def test_an_error_is_raised_where_its_batch_is_asked_for_and_the_thread_ends():
    batches = prefetched(lambda number: 1 // number, [1, 1, 0, 1])
    assert [next(batches), next(batches)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(batches)
    assert not any(thread.name.startswith("finkd-batches") for thread in threading.enumerate())


def test_a_training_that_ends_early_leaves_no_thread():
    batches = prefetched(str, iter(range(10**9)))
    next(batches)
    batches.close()
    assert not any(thread.name.startswith("finkd-batches") for thread in threading.enumerate())
