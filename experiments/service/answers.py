"""Answer requests, from body to body, in threads other than the one that serves the connections."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from finkd.corpora.tags import entity_types
from finkd.corpora.wording import counted
from finkd.experiments.service.forms import read_request
from finkd.experiments.service.limits import SMALL, Limits, RefusedError
from finkd.experiments.service.messages import Asked, Done, Received, Reply, Served
from finkd.inference.tagger import Tagger
from finkd.inference.tagging import Tagged, predict

log = logging.getLogger(__name__)

_SHORT_SHARE = 10
"""A request is long if it has more than the allowed characters divided by this."""


class _CancelledError(Exception):
    """The request was cancelled."""


class _Interrupt:
    """Stops a prediction that was cancelled, or that takes too much work."""

    def __init__(self, cancelled: threading.Event, most: int) -> None:
        self.cancelled = cancelled
        self.most = most
        self.tokens = 0

    def __call__(self, tokens: int) -> None:
        if self.cancelled.is_set():
            raise _CancelledError
        self.tokens += tokens
        if self.tokens > self.most:
            raise RefusedError(413, f"texts: at most {counted(self.most, 'token')} together; send less at once")

    def between(self, found: Iterable[Tagged]) -> Iterator[Tagged]:
        """Yield what is found, as long as it is not cancelled."""
        for each in found:
            self(0)
            yield each


def reply_to(
    received: Received, tagger: Tagger, served: Served, limits: Limits, cancelled: threading.Event
) -> Reply | None:
    """Do the work of a request.

    Args:
        received: the request.
        tagger: finds the entities.
        served: what is said of the tagger.
        limits: on the request, its work and its answer.
        cancelled: set when nobody waits for the answer any more; the work then stops at the next batch.

    Returns:
        the reply; ``None`` if it was cancelled.
    """
    interrupt = _Interrupt(cancelled, limits.work)
    try:
        interrupt(0)
        asked = read_request(received, limits)
        return Reply(200, list(_parts(asked, tagger, served, interrupt, limits.answer)))
    except RefusedError as error:
        return Reply.refusal(error)
    except _CancelledError:
        return None
    except Exception:
        log.exception("a request could not be answered")
        return Reply.refusal(RefusedError(500, "the tagger failed on this request"))


def _parts(asked: Asked, tagger: Tagger, served: Served, interrupt: _Interrupt, most: int) -> Iterator[bytes]:
    """Yield the answer in parts that are a little longer than ``SMALL`` at most."""
    size, part = 0, bytearray()
    found = predict(asked.texts, tagger, interrupt=interrupt, min_score=asked.min_score)
    for piece in asked.answer(interrupt.between(found), served):
        part += piece
        if len(part) >= SMALL // 2:
            size += len(part)
            if size > most:
                raise RefusedError(413, f"the answer is longer than {counted(most, 'byte')}; send less at once")
            yield bytes(part)
            part.clear()
    yield bytes(part)


class TaggerThreads:
    """Threads that answer requests: one checks them, one answers short ones, and one long ones.

    Args:
        tagger: finds the entities.
        name: of the tagger.
        limits: on requests.
    """

    is_ready = True

    def __init__(self, tagger: Tagger, name: str, limits: Limits) -> None:
        self.served = Served(name, tuple(sorted(entity_types(tagger.labels))))
        self._tagger, self._limits = tagger, limits
        self._checks, self._short, self._long = (ThreadPoolExecutor(1, name) for name in ("checks", "short", "long"))
        self._open: set[threading.Event] = set()

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
        except RefusedError as error:
            done(Reply.refusal(error))
            return
        pool = self._long if characters * _SHORT_SHARE > self._limits.characters else self._short
        # The bytes are kept, since texts take up to four times as many.
        pool.submit(lambda: done(reply_to(received, self._tagger, self.served, self._limits, cancelled)))
