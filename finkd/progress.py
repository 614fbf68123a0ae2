"""What long work tells whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """One step of a training loop, or one batch that a teacher has read.

    Attributes:
        step: steps done.
        steps: steps in all.
        loss: the loss of the step, ``None`` while a teacher reads the text beforehand.
        tokens: non-padding pieces seen so far.
        seconds: time since the loop began.
    """

    step: int
    steps: int
    loss: float | None
    tokens: int
    seconds: float


Listener = Callable[[Progress], None]

_POINTS = 40


class Trace:
    """Passes progress on, and keeps some losses, evenly spread.

    Args:
        listen: who else is told, if anyone.
    """

    def __init__(self, listen: Listener | None) -> None:
        self.listen = listen
        self.losses: list[tuple[float, float]] = []
        """Share of the training that was done, and its loss."""

    def __call__(self, progress: Progress) -> None:
        """Take note of a step."""
        if progress.loss is not None and progress.step % max(1, progress.steps // _POINTS) == 0:
            self.losses.append((round(progress.step / progress.steps, 4), round(progress.loss, 6)))
        if self.listen is not None:
            self.listen(progress)
