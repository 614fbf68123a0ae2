"""Show the progress of a study: a bar for each worker on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from time import monotonic
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress, TaskID
from rich.text import Text

from finkd.corpora.wording import counted
from finkd.experiments.console.progress import duration, listening, where
from finkd.experiments.tuning.worker_pool import Begun, Working

if TYPE_CHECKING:
    from finkd.experiments.tuning.search import Goal
    from finkd.experiments.tuning.worker_pool import TrialOutcome, Update

LINE_SECONDS = 60
"""Between two lines about the workers where there is no terminal."""


def shown(console: Console, goals: Sequence[Goal]) -> AbstractContextManager[Callable[[Update], None]]:
    """Return a listener that shows a study on a console; its bars are removed at the end."""
    standing = Standing(goals)
    return listening(console, lambda: StudyLines(console, standing), lambda progress: Bars(progress, standing))


class Standing:
    """Progress of a study.

    Args:
        goals: of the study.
    """

    def __init__(self, goals: Sequence[Goal]) -> None:
        self.goals = goals
        self.began = monotonic()
        self.finished = self.before = self.wanted = self.workers = 0
        self.best: tuple[float, int] | None = None
        self.doing: dict[int, str] = {}
        """What each worker does, by its number."""

    def begins(self, begun: Begun) -> None:
        """Note what there is before the first trial."""
        self.began = monotonic()
        self.finished = self.before = begun.finished
        self.wanted, self.workers, self.best = begun.wanted, begun.workers, begun.best

    def works(self, update: Working) -> None:
        """Note what a worker does."""
        step = update.event.progress
        done = "" if step is None else f", step {step.step} of {step.steps}"
        self.doing[update.worker] = f"trial {update.number}, {where(update.event)}{done}"

    def ends(self, outcome: TrialOutcome) -> str:
        """Note a trial that has ended; returns a line about it."""
        self.doing.pop(outcome.worker, None)
        self.finished += outcome.state.name != "FAIL"
        if not outcome.values:
            return f"trial {outcome.number}: {outcome.reason or 'stopped, worse than most'}"
        figures = ", ".join(f"{goal} {value:.4g}" for goal, value in zip(self.goals, outcome.values, strict=True))
        if len(self.goals) == 1:
            sign = 1 if self.goals[0] == "f1" else -1
            if self.best is None or sign * outcome.values[0] > sign * self.best[0]:
                self.best = (outcome.values[0], outcome.number)
            figures += f" ({self.best_text()})"
        return f"trial {outcome.number}: {figures}"

    def best_text(self) -> str:
        """Return the best value so far."""
        return "" if self.best is None else f"best {self.best[0]:.4g}, trial {self.best[1]}"

    def left_text(self) -> str:
        """Return the time left, by the trials that this run has finished."""
        done = self.finished - self.before
        if not done:
            return "time left unknown until a trial ends"
        seconds = (monotonic() - self.began) / done * max(0, self.wanted - self.finished)
        return f"about {duration(seconds)} left"

    def summary(self) -> str:
        """Trials, best value and time left."""
        parts = [f"{self.finished} of {self.wanted} trials finished", self.best_text(), self.left_text()]
        return ", ".join(filter(None, parts))


class StudyLines:
    """A line for each trial that has ended, and every minute one about the study and one about each worker."""

    def __init__(self, console: Console, standing: Standing) -> None:
        self.console = console
        self.standing = standing
        self.shown: float | None = None

    def __call__(self, update: Update) -> None:
        """Show what has happened, if it is worth a line."""
        if isinstance(update, Begun):
            self.standing.begins(update)
            self._line(self.standing.summary())
            self._line(f"starting {counted(update.workers, 'worker')}")
        elif isinstance(update, Working):
            is_first = update.worker not in self.standing.doing
            self.standing.works(update)
            if self.shown is None or monotonic() - self.shown >= LINE_SECONDS:
                self.shown = monotonic()
                self._line(self.standing.summary())
                self._workers(*sorted(self.standing.doing))
            elif is_first:
                self._workers(update.worker)
        else:
            self._line(self.standing.ends(update))

    def _workers(self, *numbers: int) -> None:
        for number in numbers:
            self._line(f"worker {number}: {self.standing.doing[number]}")

    def _line(self, text: str) -> None:
        self.console.print(Text(text))


class Bars:
    """A bar for the trials, and one for the stage that each worker is at; trials that have ended stay above them."""

    def __init__(self, progress: Progress, standing: Standing) -> None:
        self.progress = progress
        self.standing = standing
        self.trials = progress.add_task("trials", total=None, figures="checking the configuration")
        self.workers: dict[int, TaskID] = {}

    def __call__(self, update: Update) -> None:
        """Move the bars."""
        if isinstance(update, Begun):
            self.standing.begins(update)
            for worker in range(1, update.workers + 1):
                self.workers[worker] = self.progress.add_task(f"worker {worker}", total=None, figures="starting")
        elif isinstance(update, Working):
            self.standing.works(update)
            step = update.event.progress
            self.progress.update(
                self.workers[update.worker],
                description=f"worker {update.worker}: trial {update.number}, {where(update.event)}",
                completed=step.step if step else 0,
                total=step.steps if step else None,
                figures="",
            )
        else:
            self.progress.console.print(Text(self.standing.ends(update)))
            task, name = self.workers[update.worker], f"worker {update.worker}"
            self.progress.update(task, description=name, completed=0, total=None, figures="waiting")
        figures = ", ".join(filter(None, [self.standing.best_text(), self.standing.left_text()]))
        total = self.standing.wanted
        self.progress.update(self.trials, completed=self.standing.finished, total=total, figures=figures)
