"""What a study tells whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from finkd.experiments.running.events import Event

if TYPE_CHECKING:
    from optuna.trial import TrialState


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

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
    """Where a trial is.

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
    """What there is when the trials begin.

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


Update = Begun | Working | Outcome
