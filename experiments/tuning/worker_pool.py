"""Run the trials of a study in worker processes, and replace those that die.

A process that dies, by a kill or for want of memory, is replaced, and its trial given up, so that none is left running,
and tried again. Where trials are is sent through the pipe of each process: a queue that processes share, as seeds have
it, stays locked when one of them is killed while it writes.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Protocol

from optuna import TrialPruned
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from finkd.corpora.errors import ConfigError, FinkdError
from finkd.corpora.wording import counted
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
from finkd.machine.threads import share_of_threads, use_threads

_PATIENCE = 1.0
_FAILED = "failed"
"""Trial attribute: why it could not be carried out."""
_IN_A_ROW = 3
_BETWEEN = 0.5
"""Seconds between two reports of a trial's steps."""


@dataclass(frozen=True)
class TrialOutcome:
    """Result of a trial.

    Attributes:
        number: of the trial.
        state: its state, as Optuna calls it.
        values: what each goal came to, none for a trial that was stopped or could not be carried out.
        reason: why it could not be.
        worker: number of the process, from 1.
    """

    number: int
    state: TrialState
    values: tuple[float, ...] = ()
    reason: str = ""
    worker: int = 0


@dataclass(frozen=True)
class Working:
    """Progress of a trial.

    Attributes:
        number: of the trial.
        event: a stage that begins, or a training step that is done.
        worker: number of the process, from 1.
    """

    number: int
    event: Event
    worker: int = 0


@dataclass(frozen=True)
class Begun:
    """State of the study when the trials begin.

    Attributes:
        finished: trials of earlier runs.
        wanted: trials that the study shall have.
        workers: processes.
        best: value and number of the best trial, if there is one goal.
    """

    finished: int
    wanted: int
    workers: int
    best: tuple[float, int] | None = None


Update = Begun | Working | TrialOutcome


class Job(Protocol):
    """The work of the processes; it is sent to each of them."""

    def study(self, number: int) -> Study:
        """Return the study, as the process of a number sees it."""

    def __call__(self, trial: Trial, listen: Listener) -> Sequence[float]:
        """Carry out a trial, and say where it is; what each goal came to."""


class TrialError(FinkdError, RuntimeError):
    """Trials that cannot be carried out, one after the other."""


@dataclass
class _Process:
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
        self, job: Job, study: Study, workers: int, alone: bool, tell: Callable[[Update], None], retries: int = RETRIES
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
        best = self.study.best_trials if len(self.study.directions) == 1 else []
        found = (float(best[0].values[0]), best[0].number) if best else None
        before = len(finished(self.study))
        self.tell(Begun(before, count, max(0, min(self.workers, count - before)), found))
        try:
            with self._processes(min(self.workers, count - len(finished(self.study)))) as processes:
                while self._distribute(processes, count):
                    self._listen(processes)
                    self._replace(processes)
        finally:
            give_up(self.study, alone=self.alone, retries=self.retries)

    @contextlib.contextmanager
    def _processes(self, count: int) -> Iterator[list[_Process]]:
        processes = [self._started() for _ in range(max(0, count))]
        try:
            yield processes
        finally:
            for each in processes:
                each.process.terminate()
            for each in processes:
                each.process.join()

    def _started(self) -> _Process:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        arguments = (self.job, self.started, theirs, share_of_threads(self.workers))
        process = context.Process(target=_work, args=arguments, daemon=True)
        process.start()
        theirs.close()
        self.started += 1
        return _Process(process, ours)

    def _distribute(self, processes: Sequence[_Process], count: int) -> bool:
        """Give idle processes trials to do, as long as any are wanting; returns whether to wait for one."""
        wanting = count - len(finished(self.study)) - sum(each.is_busy for each in processes)
        for each in processes:
            if wanting > 0 and not each.is_busy:
                with contextlib.suppress(OSError):  # it has just died
                    each.pipe.send(True)
                    each.is_busy = True
                    wanting -= 1
        return any(each.is_busy for each in processes) or wanting > 0

    def _listen(self, processes: Sequence[_Process]) -> None:
        for pipe in wait([each.pipe for each in processes if each.is_busy], timeout=_PATIENCE):
            place = next(place for place, each in enumerate(processes) if each.pipe is pipe)
            try:
                update: TrialOutcome | Working = processes[place].pipe.recv()
            except (EOFError, OSError):
                continue  # it has died
            if isinstance(update, Working):
                self.tell(replace(update, worker=place + 1))
            else:
                processes[place].is_busy = False
                self._ended(replace(update, worker=place + 1))

    def _ended(self, outcome: TrialOutcome) -> None:
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

    def _replace(self, processes: list[_Process]) -> None:
        """Start a process for each one that has died, and give its trial up."""
        for place, each in enumerate(processes):
            if each.process.exitcode is None:
                continue
            each.pipe.close()
            self.deaths += 1
            if self.deaths > _IN_A_ROW * self.workers:
                raise KilledError(
                    "tune: its processes die again and again, perhaps for want of memory; use fewer --workers"
                )
            processes[place] = self._started()
            alive = [each.process.pid or 0 for each in processes]
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
        pipe.send(TrialOutcome(trial.number, trial.state, values, trial.user_attrs.get(_FAILED, "")))
