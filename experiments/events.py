"""What a run tells whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from finkd.progress import Progress
from finkd.records import RunRecord


@dataclass(frozen=True)
class Event:
    """Something that happened in a run: a stage begins, a training step is done, or a system is scored.

    Attributes:
        system: name of the system.
        seed: its seed.
        stage: the stage that runs, such as ``"task-distill:text"``.
        progress: of a training step that is done.
        record: of a system that has been scored.
    """

    system: str
    seed: int
    stage: str = ""
    progress: Progress | None = None
    record: RunRecord | None = None


Listener = Callable[[Event], None]


class Watch:
    """Turns what the stages of one system report into events."""

    def __init__(self, system: str, seed: int, listen: Listener) -> None:
        self.system = system
        self.seed = seed
        self.listen = listen
        self.stage = ""

    def begins(self, stage: str) -> None:
        """A stage begins."""
        self.stage = stage
        self.listen(Event(self.system, self.seed, stage))

    def training(self, progress: Progress) -> None:
        """The stage that began last has done a step."""
        self.listen(Event(self.system, self.seed, self.stage, progress))
