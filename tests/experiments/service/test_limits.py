"""What the service holds at once."""

import pytest

from finkd.corpora.errors import ConfigError
from finkd.experiments.service.limits import SMALL, Limits, Memory, RefusedError


def test_large_requests_leave_the_last_quarter_to_small_ones():
    memory = Memory(40 * SMALL)
    for _ in range(30):
        memory.take(SMALL, held=SMALL)
    with pytest.raises(RefusedError, match="too many bytes") as refused:
        memory.take(1, held=SMALL)
    assert refused.value.status == 503
    for _ in range(10):
        memory.take(SMALL)
    with pytest.raises(RefusedError, match="too many bytes"):
        memory.take(1)
    memory.give_back(SMALL)
    memory.take(SMALL)
    assert memory.used == 40 * SMALL


def test_a_request_that_grows_becomes_a_large_one():
    memory = Memory(4 * SMALL)
    memory.take(2 * SMALL)
    memory.take(SMALL, held=2 * SMALL)
    with pytest.raises(RefusedError):
        memory.take(1, held=3 * SMALL)
    memory.take(SMALL)


def test_memory_that_holds_no_two_requests_is_refused():
    with pytest.raises(ConfigError, match="do not hold two of the largest requests"):
        Limits(memory=1000)


def test_limits_follow_each_other():
    limits = Limits(characters=10_000_000)
    assert limits.held == 8 * limits.bytes
    assert limits.answer == limits.held // 4
    assert limits.work == 10_000_000
    assert Limits(memory=64 << 20, tokens=5).work == 5
    assert limits.peak > limits.held + 2 * limits.answer
