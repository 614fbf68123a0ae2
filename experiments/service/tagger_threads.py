"""Threads in which requests are answered, other than the one that serves the connections."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from finkd.corpora.tags import entity_types
from finkd.experiments.service.answers import failed, replies_together, reply_to
from finkd.experiments.service.forms import read_request
from finkd.experiments.service.limits import Limits
from finkd.experiments.service.messages import Done, Received, Reply, Served
from finkd.inference.tagger import Tagger

_SHORT_SHARE = 10
"""A request is long if it has more than the allowed characters divided by this."""


@dataclass(frozen=True)
class _Request:
    """A request that was checked."""

    received: Received
    characters: int
    cancelled: threading.Event
    done: Done


class TaggerThreads:
    """Threads that answer requests: one checks them, one answers short ones, and one long ones.

    Args:
        tagger: finds the entities.
        name: of the tagger.
        limits: on requests.
        dynamic_batching: whether short requests that wait for the tagger are tagged in the same batches. No request
            waits for later ones, so one that comes alone takes no longer.
    """

    is_ready = True

    def __init__(self, tagger: Tagger, name: str, limits: Limits, dynamic_batching: bool = False) -> None:
        self.served = Served(name, tuple(sorted(entity_types(tagger.labels))))
        self._tagger, self._limits, self._dynamic_batching = tagger, limits, dynamic_batching
        self._checks, self._short, self._long = (ThreadPoolExecutor(1, name) for name in ("checks", "short", "long"))
        self._open: set[threading.Event] = set()
        self._waiting: deque[_Request] = deque()

    def submit(self, received: Received, done: Done) -> Callable[[], None]:
        """Check a request, then answer it."""
        cancelled = threading.Event()
        self._open.add(cancelled)

        def forget(reply: Reply | None) -> None:
            self._open.discard(cancelled)
            done(reply)

        self._checks.submit(self._check, received, cancelled, forget)
        return cancelled.set

    def close(self) -> None:
        """End once the batches that are being read are over."""
        for cancelled in tuple(self._open):
            cancelled.set()
        for each in (self._checks, self._short, self._long):
            each.shutdown(wait=False, cancel_futures=True)

    def _check(self, received: Received, cancelled: threading.Event, done: Done) -> None:
        try:
            characters = sum(map(len, read_request(received, self._limits).texts))
        except Exception as error:  # without a reply, the request would count as one that waits for good
            done(failed(error))
            return
        # The bytes are kept, since texts take up to four times as many.
        request = _Request(received, characters, cancelled, done)
        if self._is_short(characters):
            self._waiting.append(request)
            self._short.submit(self._answer_waiting)
        else:
            self._long.submit(self._answer, request)

    def _is_short(self, characters: int) -> bool:
        return characters * _SHORT_SHARE <= self._limits.characters

    def _answer_waiting(self) -> None:
        group = self._next()
        known = [(each.received, each.cancelled) for each in group]
        replies = replies_together(known, self._tagger, self.served, self._limits) if len(group) > 1 else ()
        answered = 0
        for each, reply in zip(group, replies, strict=False):
            each.done(reply)
            answered += 1
        for each in group[answered:]:
            self._answer(each)

    def _next(self) -> list[_Request]:
        """Take the request that has waited longest, and with dynamic batching those behind it.

        All together have no more characters and bytes than one short request may have.
        """
        group: list[_Request] = []
        while self._waiting and (not group or (self._dynamic_batching and self._fits(group, self._waiting[0]))):
            request = self._waiting.popleft()
            if request.cancelled.is_set():
                request.done(None)
            else:
                group.append(request)
        return group

    def _fits(self, group: Sequence[_Request], more: _Request) -> bool:
        together = [*group, more]
        characters = sum(each.characters for each in together)
        size = sum(len(each.received.body) for each in together)
        is_small = characters <= self._limits.work and size * _SHORT_SHARE <= self._limits.bytes
        return is_small and self._is_short(characters)

    def _answer(self, request: _Request) -> None:
        reply = reply_to(request.received, self._tagger, self.served, self._limits, request.cancelled)
        request.done(reply)
