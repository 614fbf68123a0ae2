"""Answer requests, from body to body: one by one, or several at once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice

from finkd.corpora.wording import counted
from finkd.experiments.service.forms import read_request
from finkd.experiments.service.limits import SMALL, Limits, RefusedError
from finkd.experiments.service.messages import Asked, Received, Reply, Served
from finkd.inference.tagger import Tagger
from finkd.inference.tagging import Tagged, predict

log = logging.getLogger(__name__)


class _CancelledError(Exception):
    """The request was cancelled."""


class _Interrupt:
    """Stops a prediction that was cancelled, or that takes too much work."""

    def __init__(self, is_cancelled: Callable[[], bool], most: int) -> None:
        self.is_cancelled = is_cancelled
        self.most = most
        self.tokens = 0

    def __call__(self, tokens: int) -> None:
        if self.is_cancelled():
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
    interrupt = _Interrupt(cancelled.is_set, limits.work)

    def answer() -> Reply:
        interrupt(0)
        asked = read_request(received, limits)
        found = predict(asked.texts, tagger, interrupt=interrupt)
        return _answer(asked, interrupt.between(found), served, limits)

    return _reply(answer)


def replies_together(
    group: Sequence[tuple[Received, threading.Event]], tagger: Tagger, served: Served, limits: Limits
) -> Iterator[Reply | None]:
    """Do the work of several requests at once, with the texts of all in the same batches.

    Args:
        group: the requests, each with the event that cancels it; the work stops once all are cancelled.
        tagger: finds the entities.
        served: what is said of the tagger.
        limits: on the answer of each request and on the work of all together.

    Yields:
        the replies, in order, ``None`` for what was cancelled. They end early if a request stops the work of all; the
        rest can be answered one by one.
    """
    interrupt = _Interrupt(lambda: all(cancelled.is_set() for _, cancelled in group), limits.work)
    try:
        requests = [read_request(received, limits) for received, _ in group]
        found = predict(chain.from_iterable(each.texts for each in requests), tagger, interrupt=interrupt)
        for asked, (_, cancelled) in zip(requests, group, strict=True):
            tagged = list(islice(found, len(asked.texts)))
            yield None if cancelled.is_set() else _reply(partial(_answer, asked, tagged, served, limits))
    except (RefusedError, _CancelledError):
        return
    except Exception:
        log.exception("requests could not be answered together; they are answered one by one")


def _reply(answer: Callable[[], Reply]) -> Reply | None:
    try:
        return answer()
    except _CancelledError:
        return None
    except Exception as error:
        return failed(error)


def failed(error: Exception) -> Reply:
    """Return the reply to a request that is refused, or that failed; the log says how it failed."""
    if isinstance(error, RefusedError):
        return Reply.refusal(error)
    log.error("a request could not be answered", exc_info=error)
    return Reply.refusal(RefusedError(500, "the tagger failed on this request"))


def _answer(asked: Asked, found: Iterable[Tagged], served: Served, limits: Limits) -> Reply:
    return Reply(200, list(_parts(asked, _above(found, asked.min_score), served, limits.answer)))


def _above(found: Iterable[Tagged], min_score: float) -> Iterator[Tagged]:
    """Leave out the entities of a lower score."""
    for each in found:
        yield replace(each, mentions=tuple(mention for mention in each.mentions if mention.score >= min_score))


def _parts(asked: Asked, found: Iterable[Tagged], served: Served, most: int) -> Iterator[bytes]:
    """Yield the answer in parts that are a little longer than ``SMALL`` at most."""
    size, part = 0, bytearray()
    for chunk in asked.answer(found, served):
        part += chunk
        if len(part) >= SMALL // 2:
            size += len(part)
            if size > most:
                raise RefusedError(413, f"the answer is longer than {counted(most, 'byte')}; send less at once")
            yield bytes(part)
            part.clear()
    yield bytes(part)
