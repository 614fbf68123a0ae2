"""The processes that run the trials of a study, and the one that hands the trials out and looks after them.

A process that dies, by a kill or for want of memory, is replaced, and its trial given up, so that none is left running,
and tried again. Where trials are is sent through the pipe of each process: a queue that processes share, as seeds have
it, stays locked when one of them is killed while it writes.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Protocol

from optuna import TrialPruned
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from finkd.corpora.errors import ConfigError, FinkdError
from finkd.corpora.wording import counted
from finkd.experiments.console.threads import share_of_threads, use_threads
from finkd.experiments.running.events import Event, Listener
from finkd.experiments.running.jobs import KilledError, end_with_parent
from finkd.experiments.tuning import storage
from finkd.experiments.tuning.study import (
    RETRIES,
    UNFIT,
    WORKER,
    Worker,
    fail_orphans,
    finished,
    give_up,
    repeat_failed,
)
from finkd.experiments.tuning.updates import Begun, Outcome, Update, Working

_PATIENCE = 1.0
_FAILED = "failed"
"""Trial attribute: why it could not be carried out."""
_IN_A_ROW = 3
_BETWEEN = 0.5
"""Seconds between two reports of a trial's steps."""


class Job(Protocol):
    """What the processes do. It is sent to each of them."""

    def study(self, number: int) -> Study:
        """The study, as the process of a number sees it."""

    def __call__(self, trial: Trial, listen: Listener) -> Sequence[float]:
        """Carry out a trial, and say where it is; what each goal came to."""


class TrialError(FinkdError, RuntimeError):
    """Trials that cannot be carried out, one after the other."""


@dataclass
class _Hand:
    """A process and the connection to it."""

    process: BaseProcess
    pipe: Connection
    is_busy: bool = False


class WorkerPool:
    """Runs trials until a study has so many.

    Args:
        job: what to do.
        study: the study, as this process sees it.
        workers: how many processes.
        alone: whether no other command can be running trials of the study.
        tell: called with what happens.
        retries: how often a trial is repeated that was given up.
    """

    def __init__(
        self,
        job: Job,
        study: Study,
        workers: int,
        alone: bool,
        tell: Callable[[Update], None],
        retries: int = RETRIES,
    ) -> None:
        self.job = job
        self.study = study
        self.workers = workers
        self.alone = alone
        self.tell = tell
        self.retries = retries
        self.started = len(study.get_trials(deepcopy=False))  # a study that goes on draws otherwise than it began
        self.deaths = self.failures = 0
        """In a row, without a trial that was carried out."""

    def run(self, count: int) -> None:
        """Go on until so many trials of the study are finished, those of earlier runs among them.

        Raises:
            TrialError: if several trials in a row could not be carried out.
            KilledError: if processes die again and again.
        """
        give_up(self.study, alone=self.alone, retries=self.retries)
        self._begins(count)
        try:
            with self._hands(min(self.workers, count - len(finished(self.study)))) as hands:
                while self._hand_out(hands, count):
                    self._listen(hands)
                    self._replace(hands)
        finally:
            give_up(self.study, alone=self.alone, retries=self.retries)

    def _begins(self, count: int) -> None:
        """Say what there is before anything is done."""
        best = self.study.best_trials if len(self.study.directions) == 1 else []
        found = (float(best[0].values[0]), best[0].number) if best else None
        before = len(finished(self.study))
        self.tell(Begun(before, count, max(0, min(self.workers, count - before)), found))

    @contextmanager
    def _hands(self, count: int) -> Iterator[list[_Hand]]:
        hands = [self._hand() for _ in range(max(0, count))]
        try:
            yield hands
        finally:
            for hand in hands:
                hand.process.terminate()
            for hand in hands:
                hand.process.join()

    def _hand(self) -> _Hand:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        arguments = (self.job, self.started, theirs, share_of_threads(self.workers))
        process = context.Process(target=_work, args=arguments, daemon=True)
        process.start()
        theirs.close()
        self.started += 1
        return _Hand(process, ours)

    def _hand_out(self, hands: Sequence[_Hand], count: int) -> bool:
        """Give idle processes trials to do, as long as any are wanting; returns whether to wait for one."""
        wanting = count - len(finished(self.study)) - sum(hand.is_busy for hand in hands)
        for hand in hands:
            if wanting > 0 and not hand.is_busy and _sent(hand.pipe):
                hand.is_busy = True
                wanting -= 1
        return any(hand.is_busy for hand in hands) or wanting > 0

    def _listen(self, hands: Sequence[_Hand]) -> None:
        for pipe in wait([hand.pipe for hand in hands if hand.is_busy], timeout=_PATIENCE):
            place = next(place for place, hand in enumerate(hands) if hand.pipe is pipe)
            try:
                update: Outcome | Working = hands[place].pipe.recv()
            except (EOFError, OSError):
                continue  # it has died
            if isinstance(update, Working):
                self.tell(replace(update, worker=place + 1))
            else:
                hands[place].is_busy = False
                self._ended(replace(update, worker=place + 1))

    def _ended(self, outcome: Outcome) -> None:
        """Count failures; a trial that could not be carried out is tried again.

        Raises:
            TrialError: if there were too many of them in a row.
        """
        self.deaths = 0
        self.failures = self.failures + 1 if outcome.state == TrialState.FAIL else 0
        self.tell(outcome)
        if self.failures == _IN_A_ROW * self.workers:
            raise TrialError(
                f"{counted(self.failures, 'trial')} in a row could not be carried out; trial {outcome.number}: "
                f"{outcome.reason}"
            )
        if outcome.state == TrialState.FAIL:
            repeat_failed(self.study, self.retries)

    def _replace(self, hands: list[_Hand]) -> None:
        """Start a process for each one that has died, and give its trial up."""
        for place, hand in enumerate(hands):
            if hand.process.exitcode is None:
                continue
            hand.pipe.close()
            self.deaths += 1
            if self.deaths > _IN_A_ROW * self.workers:
                raise KilledError(
                    "tune: its processes die again and again, perhaps for want of memory; use fewer --workers"
                )
            hands[place] = self._hand()
            alive = [hand.process.pid or 0 for hand in hands]
            fail_orphans(self.study, alive, alone=self.alone)
            repeat_failed(self.study, self.retries)


class _Reporter:
    """Sends where a trial is, at most so often that the process at the other end keeps up."""

    def __init__(self, number: int, pipe: Connection) -> None:
        self.number = number
        self.pipe = pipe
        self.sent = 0.0

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        if event.record is None and (event.progress is None or now - self.sent >= _BETWEEN):
            self.pipe.send(Working(self.number, event))
            self.sent = now


def _sent(pipe: Connection) -> bool:
    try:
        pipe.send(True)
    except OSError:  # it has just died
        return False
    return True


def _work(job: Job, number: int, pipe: Connection, threads: int) -> None:
    """Run a trial each time when one is handed out."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=end_with_parent, daemon=True).start()
    use_threads(threads)
    storage.quiet()
    study = job.study(number)
    ended: list[FrozenTrial] = []

    def carried_out(trial: Trial) -> Sequence[float]:
        trial.set_user_attr(WORKER, asdict(Worker.this()))
        try:
            return job(trial, _Reporter(trial.number, pipe))
        except TrialPruned:
            raise
        except Exception as error:
            if isinstance(error, ConfigError):
                trial.set_user_attr(UNFIT, True)
            trial.set_user_attr(_FAILED, f"{type(error).__name__}: {error}")
            raise

    while True:
        pipe.recv()
        study.optimize(carried_out, 1, catch=Exception, callbacks=[lambda study, trial: ended.append(trial)])
        trial = ended.pop()
        values = tuple(trial.values or ()) if trial.state == TrialState.COMPLETE else ()
        pipe.send(Outcome(trial.number, trial.state, values, trial.user_attrs.get(_FAILED, "")))
