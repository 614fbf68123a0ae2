"""Answer requests, from body to body, in threads other than the one that serves the connections."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from pydantic import ValidationError
from pydantic_core import from_json

from finkd.corpora.tags import entity_types
from finkd.corpora.wording import counted
from finkd.experiments.service.limits import SMALL, Limits, RefusedError
from finkd.experiments.service.messages import Asked, Done, Reply
from finkd.inference.tagger import Tagger
from finkd.inference.tagging import predict
from finkd.settings import without_prefix

log = logging.getLogger(__name__)

_KEY_CHARACTERS = 50
_SHORT_SHARE = 10
"""A request is long if it has more than the allowed characters divided by this."""


def read_request(body: bytes, limits: Limits) -> Asked:
    """Return what a request asks for.

    Raises:
        RefusedError: 422 if the body is not what was expected, 413 if it is too much.
    """
    try:
        found = from_json(body, cache_strings="none")
    except ValueError as error:
        raise RefusedError(422, f"body: not JSON ({error})") from error
    if not isinstance(found, dict):
        raise RefusedError(422, 'body: expected an object such as {"texts": ["..."]}')
    extra = next((key for key in found if key not in Asked.model_fields), None)
    if extra is not None:  # before pydantic, which would list every one of a million keys
        raise RefusedError(422, f"{extra[:_KEY_CHARACTERS]}: unknown key; expected {' and '.join(Asked.model_fields)}")
    try:
        asked = Asked.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise RefusedError(422, f"{where}: {without_prefix(first['msg'])}") from error
    if len(asked.texts) > limits.texts:
        raise RefusedError(413, f"texts: at most {limits.texts} at once (got {len(asked.texts)})")
    characters = sum(map(len, asked.texts))
    if characters > limits.characters:
        raise RefusedError(413, f"texts: at most {counted(limits.characters, 'character')} together (got {characters})")
    return asked


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


def reply_to(body: bytes, tagger: Tagger, limits: Limits, cancelled: threading.Event) -> Reply | None:
    """Do the work of a request.

    Args:
        body: as it came.
        tagger: finds the entities.
        limits: on the request, its work and its answer.
        cancelled: set when nobody waits for the answer any more; the work then stops at the next batch.

    Returns:
        the reply; ``None`` if it was cancelled.
    """
    interrupt = _Interrupt(cancelled, limits.work)
    try:
        interrupt(0)
        return Reply(200, list(_parts(read_request(body, limits), tagger, interrupt, limits.answer)))
    except RefusedError as error:
        return Reply.refusal(error)
    except _CancelledError:
        return None
    except Exception:
        log.exception("a request could not be answered")
        return Reply.refusal(RefusedError(500, "the tagger failed on this request"))


def _parts(asked: Asked, tagger: Tagger, interrupt: Callable[[int], None], most: int) -> Iterator[bytes]:
    """Yield the answer as JSON, in parts that are a little longer than ``SMALL`` at most but for a single long text."""
    size, part = 0, bytearray(b'{"results":[')
    for number, tagged in enumerate(predict(asked.texts, tagger, interrupt=interrupt, min_score=asked.min_score)):
        interrupt(0)
        for place, mention in enumerate(tagged.mentions):
            part += b"," if place else b",[" if number else b"["
            part += json.dumps(asdict(mention), ensure_ascii=False, separators=(",", ":")).encode()
            if len(part) >= SMALL // 2:
                size += len(part)
                if size > most:
                    raise RefusedError(413, f"the answer is longer than {counted(most, 'byte')}; send less at once")
                yield bytes(part)
                part.clear()
        part += b"]" if tagged.mentions else b",[]" if number else b"[]"
    yield bytes(part + b"]}")


class TaggerThreads:
    """Threads that answer requests: one checks them, one answers short ones, and one long ones.

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
            characters = sum(map(len, read_request(body, self._limits).texts))
        except RefusedError as error:
            done(Reply.refusal(error))
            return
        pool = self._long if characters * _SHORT_SHARE > self._limits.characters else self._short
        # The bytes are kept, since texts take up to four times as many.
        pool.submit(lambda: done(reply_to(body, self._tagger, self._limits, cancelled)))
