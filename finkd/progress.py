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
        if progress.loss is not None and progress.step % max(1, progress.steps // _POINTS) == 0:
            self.losses.append((round(progress.step / progress.steps, 4), round(progress.loss, 6)))
        if self.listen is not None:
            self.listen(progress)
