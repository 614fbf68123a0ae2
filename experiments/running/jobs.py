"""Work at once, such as several seeds, each in a process of its own with its share of the cores.

The steps of a small student are too short to keep several cores busy, so two processes of one thread each get more done
than one of two threads (docs/log.md has figures).
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from finkd.corpora.errors import FinkdError
from finkd.machine.threads import share_of_threads, use_threads

Item = TypeVar("Item", bound=Hashable)
Result = TypeVar("Result")
Told = Callable[[Any], None]

_PATIENCE = 0.1


class KilledError(FinkdError, RuntimeError):
    """A process that ended in the middle of its work."""


def side_by_side(
    work: Callable[[Item, Told], Result], items: Sequence[Item], jobs: int, listen: Told
) -> dict[Item, Result]:
    """Do the same work for several items, such as seeds.

    Args:
        work: takes an item, and what to tell its events to; a function of a module, since other processes import it.
        items: what to do it for; the first ones begin first.
        jobs: how many at once.
        listen: called in this process with every event.

    Returns:
        what each item came to.

    Raises:
        FinkdError: the first that an item ended in, once those that had begun are over; or if a process was killed.
    """
    context = multiprocessing.get_context("spawn")
    events: multiprocessing.Queue[Any] = context.Queue()
    begin = functools.partial(_begin, events, share_of_threads(jobs))
    with ProcessPoolExecutor(jobs, context, begin) as pool:
        futures = {item: pool.submit(_told, work, item) for item in items}
        try:
            _follow(events, list(futures.values()), listen)
        except BaseException:
            _end_all()  # leaving the block waits for them, and nobody takes their events any more
            raise
        try:
            for future in futures.values():
                if not future.cancelled():
                    future.result()  # one that failed comes before those that were never begun
            return {item: future.result() for item, future in futures.items()}
        except BrokenProcessPool as error:
            raise KilledError("a process was killed, perhaps for want of memory; begin fewer at once") from error


def _follow(events: multiprocessing.Queue[Any], futures: Sequence[Future[Any]], listen: Told) -> None:
    """Pass on events until everything is done; once something has failed, nothing more is begun.

    Events are read to the end: a process whose events nobody takes cannot exit.
    """
    while True:
        if any(future.done() and not future.cancelled() and future.exception() for future in futures):
            for future in futures:
                future.cancel()
        is_over = all(future.done() for future in futures)
        try:
            listen(events.get(timeout=_PATIENCE))
        except queue.Empty:
            if is_over:
                return


def _end_all() -> None:
    """End the processes of this one; what they have finished is in the store."""
    for process in multiprocessing.active_children():
        process.terminate()


_events: multiprocessing.Queue[Any]


def _begin(events: multiprocessing.Queue[Any], threads: int) -> None:
    """Make a process ready: a share of the cores, and an end without a traceback when Ctrl-C ends them all."""
    global _events  # a queue can be given to a process only when it is made
    _events = events
    use_threads(threads)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Nobody would take the result of a process whose parent was killed, and another run may have begun."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _told(work: Callable[[Item, Told], Result], item: Item) -> Result:
    return work(item, _events.put)
