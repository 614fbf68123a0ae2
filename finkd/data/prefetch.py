"""Prefetch batches in a background thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Request = TypeVar("Request")
Item = TypeVar("Item")

AHEAD = 2
"""Batches that are ready or in work while a step computes."""


def prefetched(
    collate: Callable[[Request], Item], requests: Iterable[Request], ahead: int = AHEAD
) -> Generator[Item, None, None]:
    """Collate batches in a thread, a few ahead of the one that is used.

    A thread replaces the worker processes of a ``DataLoader``: batches are not copied between processes, and the trials
    of a study, which are daemonic processes and may not start others, train in the same way.

    Args:
        collate: makes a batch; called in the order of the requests, one at a time.
        requests: one for each batch; taken in this thread, at most ``ahead`` before their batch is used.
        ahead: batches that are made before they are asked for.

    Yields:
        the batches in order. What ``collate`` raises is raised where its batch is asked for.

    Example:
        >>> list(prefetched(len, ["a", "bc"]))
        [1, 2]
    """
    left = iter(requests)
    with ThreadPoolExecutor(1, thread_name_prefix="finkd-batches") as executor:
        made = deque(executor.submit(collate, request) for request in islice(left, ahead))
        try:
            while made:
                item = made.popleft().result()
                made.extend(executor.submit(collate, request) for request in islice(left, 1))
                yield item
        finally:
            executor.shutdown(cancel_futures=True)
