"""Threads that answer requests: short ones do not wait for long ones."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from finkd.corpora.tags import entity_types
from finkd.experiments.service.answers import read_request, reply_to
from finkd.experiments.service.limits import Limits, RefusedError
from finkd.experiments.service.messages import Done, Reply
from finkd.inference.tagger import Tagger

_SHORT_SHARE = 10
"""A request is long if it has more than the allowed characters divided by this."""


class Lanes:
    """One thread that checks requests, one for short ones and one for long ones.

    Args:
        tagger: finds the entities.
        limits: on requests.
    """

    is_ready = True

    def __init__(self, tagger: Tagger, limits: Limits) -> None:
        self.types = tuple(sorted(entity_types(tagger.labels)))
        self._tagger, self._limits = tagger, limits
        self._checks, self._short, self._long = (ThreadPoolExecutor(1, name) for name in ("checks", "short", "long"))
        self._open: set[threading.Event] = set()

    def submit(self, body: bytes, done: Done) -> Callable[[], None]:
        """Check a request, then answer it."""
        cancelled = threading.Event()
        self._open.add(cancelled)

        def forget(reply: Reply | None) -> None:
            self._open.discard(cancelled)
            done(reply)

        self._checks.submit(self._check, body, cancelled, forget)
        return cancelled.set

    def close(self) -> None:
        """End once the batches that are being read are over."""
        for cancelled in tuple(self._open):
            cancelled.set()
        for each in (self._checks, self._short, self._long):
            each.shutdown(wait=False, cancel_futures=True)

    def _check(self, body: bytes, cancelled: threading.Event, done: Done) -> None:
        try:
            characters = sum(map(len, read_request(body, self._limits)))
        except RefusedError as error:
            done(Reply.refusal(error))
            return
        lane = self._long if characters * _SHORT_SHARE > self._limits.characters else self._short
        lane.submit(self._answer, body, cancelled, done)  # the bytes, since texts take up to four times as many

    def _answer(self, body: bytes, cancelled: threading.Event, done: Done) -> None:
        done(reply_to(body, self._tagger, self._limits, cancelled))
