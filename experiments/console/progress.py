"""Show the progress of a run: a moving bar on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from finkd.machine.threads import busy_warning

if TYPE_CHECKING:
    from finkd.experiments.running.events import Event, Listener
    from finkd.records import RunRecord
    from finkd.suites.record import TaskRecord

LINES_PER_STAGE = 10
SECONDS_BETWEEN_LINES = 30
T = TypeVar("T")


def shown(console: Console) -> AbstractContextManager[Listener]:
    """Return a listener that shows a run on a console; its bars are removed at the end."""
    return listening(console, lambda: ProgressLines(console), Bars)


@contextmanager
def listening(console: Console, lines: Callable[[], T], bars: Callable[[Progress], T]) -> Iterator[T]:
    """Make a listener: of bars on a terminal, which leave nothing behind, and of lines elsewhere."""
    if warning := busy_warning():
        console.print(Text(warning))
    if not console.is_terminal:
        yield lines()
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield bars(progress)


class ProgressLines:
    """One line when a stage begins, one for each tenth of it and for each half minute, and one per scored system."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.shown: dict[tuple[str, int], tuple[int, float]] = {}

    def __call__(self, event: Event) -> None:
        """Show an event, if it is worth a line."""
        progress = event.progress
        if event.record is not None:
            self._line(scored(event.record))
        elif progress is None:
            self.shown[event.system, event.seed] = (0, time.monotonic())
            self._line(f"{where(event)}: begins")
        else:
            before, last = self.shown[event.system, event.seed]
            part, now = progress.step * LINES_PER_STAGE // progress.steps, time.monotonic()
            if part != before or now - last >= SECONDS_BETWEEN_LINES:
                self.shown[event.system, event.seed] = (part, now)
                self._line(f"{where(event)}: step {progress.step}/{progress.steps}, {figures(event)}")

    def _line(self, text: str) -> None:
        self.console.print(Text(text))


class Bars:
    """A bar for the stage that runs, one for each system and seed that is trained; scored systems stay above them."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.tasks: dict[tuple[str, int], TaskID] = {}
        self.scored: set[tuple[str, int]] = set()

    def __call__(self, event: Event) -> None:
        """Move the bar."""
        if event.record is not None:
            self.scored.add((event.system, event.seed))
            self.progress.console.print(Text(scored(event.record)))
        elif event.progress is None:
            full = {task.id for task in self.progress.tasks if task.finished}
            over = {work for work, task in self.tasks.items() if task in full}
            for work in (over | self.scored | {(event.system, event.seed)}) & self.tasks.keys():
                self.progress.remove_task(self.tasks.pop(work))
            self.scored.clear()
            self._bar(event)
        else:
            step = event.progress
            self.progress.update(self._bar(event), completed=step.step, total=step.steps, figures=figures(event))

    def _bar(self, event: Event) -> TaskID:
        work = event.system, event.seed
        if work not in self.tasks:
            self.tasks[work] = self.progress.add_task(where(event), total=None, figures="")
        return self.tasks[work]


def scored(record: RunRecord | TaskRecord) -> str:
    """Return a scored system in one line."""
    if not hasattr(record, "scores"):
        found = ", ".join(f"{name} {value:.3f}" for name, value in record.metrics.items() if value is not None)
        how = f"{record.split} ({record.method}, seed {record.seed})"
        return f"{record.system} on {record.task}, {how}: {found or 'not scored'}"
    from finkd.reports.table import number

    micro, macro = (number(value, 3).text for value in (record.scores.micro.f1, record.scores.macro_f1))
    return f"{record.system} (seed {record.seed}): micro-F1 {micro}, macro-F1 {macro}"


def figures(event: Event) -> str:
    """Return loss, speed and time left of a training step."""
    step = event.progress
    if step is None:
        return ""
    doing = "reads" if step.loss is None else f"loss {step.loss:.3f}"
    return f"{doing}, {step.tokens_per_second:,.0f} tokens/s, {step.seconds_left:,.0f} s left"


def duration(seconds: float) -> str:
    """Return a time rounded for people: seconds up to a minute and a half, then minutes, then hours and minutes."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def where(event: Event) -> str:
    """Return system, task, seed and stage of an event."""
    task = f" on {event.task}" if event.task else ""
    return f"{event.system}{task} (seed {event.seed}) {event.stage}"
