"""Events of a run, for those who watch it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from finkd.progress import Progress
from finkd.records import RunRecord
from finkd.suites.record import TaskRecord


@dataclass(frozen=True)
class Event:
    """Something that happened in a run: a stage begins, a training step is done, or a system is scored.

    Attributes:
        system: name of the system.
        seed: its seed.
        stage: the stage that runs, such as ``"task-distill:text"``.
        progress: of a training step that is done.
        record: of a system that has been scored.
        task: of a suite, that the system learns or is scored on.
        place: number of the stage in the system's strategy; ``None`` for one that makes a teacher for the system.
    """

    system: str
    seed: int
    stage: str = ""
    progress: Progress | None = None
    record: RunRecord | TaskRecord | None = None
    task: str = ""
    place: int | None = None


Listener = Callable[[Event], None]


def ignored(event: Event) -> None:
    """Ignore an event."""


class Watch:
    """Turns what the stages of one system report into events."""

    def __init__(self, system: str, seed: int, listen: Listener) -> None:
        self.system = system
        self.seed = seed
        self.listen = listen
        self.stage = ""
        self.place: int | None = None

    def begins(self, stage: str, place: int | None) -> None:
        """A stage begins; see ``Event``."""
        self.stage, self.place = stage, place
        self.listen(Event(self.system, self.seed, stage, place=place))

    def teaches(self, stage: str, place: int) -> None:
        """A stage of a teacher begins, made for a stage of the system."""
        self.begins(stage, None)

    def training(self, progress: Progress) -> None:
        """The stage that began last has done a step."""
        self.listen(Event(self.system, self.seed, self.stage, progress, place=self.place))
