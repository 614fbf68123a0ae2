"""Run the tagger in a process of its own, so that its work cannot delay the connections.

Threads would share one interpreter lock, which a call of the tokenizer's or of spaCy's may hold for seconds. Ending a
process also frees all that it holds, and another one takes its place if it dies.
"""

from __future__ import annotations

import atexit
import functools
import gc
import itertools
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue

from finkd.corpora.errors import FinkdError, UnavailableError
from finkd.experiments.console.spacy_alone import import_spacy_alone
from finkd.experiments.service.limits import Limits, RefusedError
from finkd.experiments.service.logs import log_as_json
from finkd.experiments.service.messages import Done, Received, Reply, Served, Worker
from finkd.machine.threads import use_threads
from finkd.models.lookup import is_graph

log = logging.getLogger(__name__)

_END_SECONDS = 1.0
_LONGEST_PAUSE = 30.0
_LOADING = "the tagger is being loaded; come back in a moment"


@dataclass(frozen=True)
class TaggerSource:
    """Source of the tagger; see ``finkd.export.loading.load_tagger``.

    Attributes:
        name: by which it is served.
        model: name or folder.
        threads: of the tagger; ``None`` takes all cores.
        precision: of PyTorch.
        dynamic_batching: as in ``TaggerThreads``.
    """

    name: str
    model: str
    threads: int | None = None
    precision: str = "fp32"
    dynamic_batching: bool = False


class TaggerProcess:
    """Answers requests in a process of its own, which is begun anew if it dies.

    Args:
        source: of the tagger.
        limits: on requests.
        json_log: whether to log as JSON.

    Raises:
        FinkdError: if the tagger cannot be loaded.
    """

    def __init__(self, source: TaggerSource, limits: Limits, json_log: bool = False) -> None:
        self._arguments = (source, limits, json_log)
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._waiting: dict[int, Done] = {}
        self._outbox: SimpleQueue[tuple[int, Received | None]] = SimpleQueue()
        self._is_closed = False
        atexit.register(self.close)  # at exit, multiprocessing would send SIGTERM, which is ignored, and wait
        self._begin()
        threading.Thread(target=self._send, name="send", daemon=True).start()
        threading.Thread(target=self._receive, name="receive", daemon=True).start()

    @property
    def is_ready(self) -> bool:
        """Whether the process has its tagger."""
        return self._is_ready

    def submit(self, received: Received, done: Done) -> Callable[[], None]:
        """Send a request to the process."""
        number = next(self._numbers)
        with self._lock:
            is_ready = self._is_ready
            if is_ready:
                self._waiting[number] = done
        if not is_ready:
            done(Reply.refusal(RefusedError(503, _LOADING)))
            return lambda: None
        self._outbox.put((number, received))
        return functools.partial(self._outbox.put, (number, None))

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._is_closed = True
        self._fail_all()
        self._process.kill()
        self._process.join(_END_SECONDS)

    def _begin(self) -> None:
        """Start a process and wait until it has its tagger."""
        self._is_ready = False
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, *self._arguments), name="tagger", daemon=True)
        self._process.start()
        theirs.close()  # or its end would not be noticed
        try:
            found = self._connection.recv()
        except (EOFError, OSError) as error:
            self._process.join()
            said = f"the tagger's process ended with {self._process.exitcode} while it was loaded"
            raise UnavailableError(f"{self._arguments[0].model}: {said}, perhaps for want of memory") from error
        if isinstance(found, Exception):
            raise found
        self.served: Served = found
        self._is_ready = True

    def _send(self) -> None:
        while True:
            message = self._outbox.get()
            try:
                self._connection.send(message)
            except OSError:
                continue  # it has died, and whoever reads from it finds out

    def _receive(self) -> None:
        while not self._is_closed:
            try:
                number, status, count = self._connection.recv()
                parts = [self._connection.recv_bytes() for _ in range(count)]
            except (EOFError, OSError):
                self._fail_all()
                self._begin_again()
                continue
            with self._lock:
                done = self._waiting.pop(number, None)
            if done is not None:  # none if it was sent before the process died, and reached the next one
                done(None if status is None else Reply(status, parts))

    def _fail_all(self) -> None:
        with self._lock:
            self._is_ready = False
            failed = list(self._waiting.values())
            self._waiting.clear()
        for done in failed:
            done(Reply.refusal(RefusedError(503, _LOADING)))

    def _begin_again(self) -> None:
        pause = 1.0
        self._process.join(_END_SECONDS)
        while not self._is_closed:
            name, status = self._arguments[0].name, self._process.exitcode
            log.error("%s: the tagger's process ended with %s; it is begun anew", name, status)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            try:
                self._begin()
            except Exception as error:  # anything else would end this thread, and the service would stay without tagger
                log.error("%s", error)
            else:
                return


def _serve(connection: Connection, source: TaggerSource, limits: Limits, json_log: bool) -> None:
    """Run the process: load the tagger, then answer requests until the connection ends."""
    from finkd.experiments.service.tagger_threads import TaggerThreads
    from finkd.export.loading import load_tagger
    from finkd.inference.tagging import predict

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if json_log:
        log_as_json()
    logging.getLogger("finkd").setLevel(logging.ERROR)  # or odd texts would fill the log
    try:
        if is_graph(source.model):
            import_spacy_alone()
        use_threads(source.threads)
        tagger = load_tagger(source.model, source.threads, source.precision)
        list(predict(["Acme Corp. fell."], tagger))  # what is imported and built at the first text
        gc.freeze()  # nothing of it is looked at again
        worker = TaggerThreads(tagger, source.name, limits, source.dynamic_batching)
    except Exception as error:
        connection.send(error if isinstance(error, FinkdError) else RuntimeError(f"{type(error).__name__}: {error}"))
        return
    # A service is often ended by a signal to all of its processes; this one still has requests in work to answer.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    connection.send(worker.served)
    _answer_all(connection, worker)


def _answer_all(connection: Connection, worker: Worker) -> None:
    cancels: dict[int, Callable[[], None]] = {}
    noting, sending = threading.Lock(), threading.Lock()

    def answer(number: int, reply: Reply | None) -> None:
        with noting:
            del cancels[number]
        parts = reply.parts if reply else []
        with sending:
            connection.send((number, reply.status if reply else None, len(parts)))
            for part in parts:
                connection.send_bytes(part)

    while True:
        try:
            number, received = connection.recv()
        except (EOFError, OSError):
            os._exit(0)  # the parent has ended, and threads may be in the middle of a long text
        with noting:
            if received is not None:
                cancels[number] = worker.submit(received, functools.partial(answer, number))
            elif number in cancels:
                cancels[number]()
