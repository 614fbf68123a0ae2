"""The processes that run the trials of a study, and the one that hands the trials out and looks after them.

A process that dies, by a kill or for want of memory, is replaced, and its trial given up, so that none is left running.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Protocol

import torch
from optuna import TrialPruned
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from corpora.errors import FinkdError
from corpora.wording import counted
from experiments.jobs import KilledError, end_with_parent, share_of_cores
from experiments.tuning import storage
from experiments.tuning.study import WORKER, Worker, fail_orphans, finished, give_up

_PATIENCE = 1.0
_FAILED = "failed"
"""Trial attribute: why it could not be carried out."""
_IN_A_ROW = 3


class Job(Protocol):
    """What the processes do. It is sent to each of them."""

    def study(self, number: int) -> Study:
        """The study, as the process of a number sees it."""

    def __call__(self, trial: Trial) -> Sequence[float]:
        """Carry out a trial; what each goal came to."""


class TrialError(FinkdError, RuntimeError):
    """Trials that cannot be carried out, one after the other."""


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        number: of the trial.
        state: its state.
        values: what each goal came to, none for a trial that was stopped or could not be carried out.
        reason: why it could not be.
    """

    number: int
    state: TrialState
    values: tuple[float, ...] = ()
    reason: str = ""


@dataclass
class _Hand:
    """A process and the connection to it."""

    process: BaseProcess
    pipe: Connection
    is_busy: bool = False


class Crew:
    """Runs trials until a study has so many.

    Args:
        job: what to do.
        study: the study, as this process sees it.
        workers: how many processes.
        alone: whether no other command can be running trials of the study.
        tell: called with every trial that has ended.
    """

    def __init__(self, job: Job, study: Study, workers: int, alone: bool, tell: Callable[[Outcome], None]) -> None:
        self.job = job
        self.study = study
        self.workers = workers
        self.alone = alone
        self.tell = tell
        self.started = len(study.get_trials(deepcopy=False))  # a study that goes on draws otherwise than it began
        self.deaths = self.failures = 0
        """In a row, without a trial that was carried out."""

    def run(self, count: int) -> None:
        """Go on until so many trials of the study are finished, those of earlier runs among them.

        Raises:
            TrialError: if several trials in a row could not be carried out.
            KilledError: if processes die again and again.
        """
        give_up(self.study, alone=self.alone)
        try:
            with self._hands(min(self.workers, count - len(finished(self.study)))) as hands:
                while self._hand_out(hands, count):
                    self._listen(hands)
                    self._replace(hands)
        finally:
            give_up(self.study, alone=self.alone)

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
        arguments = (self.job, self.started, theirs, share_of_cores(self.workers))
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
            hand = next(hand for hand in hands if hand.pipe is pipe)
            try:
                outcome: Outcome = hand.pipe.recv()
            except (EOFError, OSError):
                continue  # it has died
            hand.is_busy = False
            self.deaths = 0
            self.failures = self.failures + 1 if outcome.state == TrialState.FAIL else 0
            self.tell(outcome)
            if self.failures == _IN_A_ROW * self.workers:
                raise TrialError(
                    f"{counted(self.failures, 'trial')} in a row could not be carried out; trial {outcome.number}: "
                    f"{outcome.reason}"
                )

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
    torch.set_num_threads(threads)
    storage.quiet()
    study = job.study(number)
    ended: list[FrozenTrial] = []

    def carried_out(trial: Trial) -> Sequence[float]:
        trial.set_user_attr(WORKER, asdict(Worker.this()))
        try:
            return job(trial)
        except TrialPruned:
            raise
        except Exception as error:
            trial.set_user_attr(_FAILED, f"{type(error).__name__}: {error}")
            raise

    while True:
        pipe.recv()
        study.optimize(carried_out, 1, catch=Exception, callbacks=[lambda study, trial: ended.append(trial)])
        trial = ended.pop()
        values = tuple(trial.values or ()) if trial.state == TrialState.COMPLETE else ()
        pipe.send(Outcome(trial.number, trial.state, values, trial.user_attrs.get(_FAILED, "")))
