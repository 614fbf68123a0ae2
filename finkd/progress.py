"""Progress of training and inference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Progress after one training step, or one batch of inference.

    Attributes:
        step: number of the step.
        steps: number of all steps.
        loss: of the step; ``None`` for inference.
        tokens: non-padding tokens so far.
        seconds: time since the start.
        resumed: progress of an earlier process that this one resumed; included above, but not in speeds.
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
        """Estimated time of the remaining steps at the speed of this process."""
        step, seconds = (self.resumed.step, self.resumed.seconds) if self.resumed else (0, 0.0)
        return (self.seconds - seconds) / max(self.step - step, 1) * (self.steps - self.step)


Listener = Callable[[Progress], None]

_POINTS = 40


class Trace:
    """Listener that forwards progress and records some evenly spaced losses.

    Args:
        listen: listener to forward to, if any.
        losses: list that receives pairs of the share of the training that is done and the loss.
    """

    def __init__(self, listen: Listener | None, losses: list[tuple[float, float]]) -> None:
        self.listen = listen
        self.losses = losses

    def __call__(self, progress: Progress) -> None:
        """Record a step."""
        if progress.loss is not None:
            share, last = round(progress.step / progress.steps, 4), self.losses[-1][0] if self.losses else 0.0
            # A time budget leaves numbers of steps out, and a resumed training has to keep the same points.
            if int(share * _POINTS) != int(last * _POINTS):
                self.losses.append((share, round(progress.loss, 6)))
        if self.listen is not None:
            self.listen(progress)
