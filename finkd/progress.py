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
        tokens: non-padding tokens seen so far.
        seconds: time since the loop began.
        resumed: where this process took the loop up from an earlier one, if it did; counted in the figures above, but
            nothing about the speed of this process.
    """

    step: int
    steps: int
    loss: float | None
    tokens: int
    seconds: float
    resumed: Progress | None = None

    @property
    def tokens_per_second(self) -> float:
        """Speed of this process."""
        tokens, seconds = (self.resumed.tokens, self.resumed.seconds) if self.resumed else (0, 0.0)
        return (self.tokens - tokens) / max(self.seconds - seconds, 1e-9)

    @property
    def seconds_left(self) -> float:
        """Time that the steps left take at the speed of this process."""
        step, seconds = (self.resumed.step, self.resumed.seconds) if self.resumed else (0, 0.0)
        return (self.seconds - seconds) / max(self.step - step, 1) * (self.steps - self.step)


Listener = Callable[[Progress], None]

_POINTS = 40


class Trace:
    """Passes progress on, and keeps some losses, evenly spread.

    Args:
        listen: who else is told, if anyone.
        losses: where they are added: the share of the training that was done, and its loss.
    """

    def __init__(self, listen: Listener | None, losses: list[tuple[float, float]]) -> None:
        self.listen = listen
        self.losses = losses

    def __call__(self, progress: Progress) -> None:
        """Take note of a step."""
        if progress.loss is not None and progress.step % max(1, progress.steps // _POINTS) == 0:
            self.losses.append((round(progress.step / progress.steps, 4), round(progress.loss, 6)))
        if self.listen is not None:
            self.listen(progress)
