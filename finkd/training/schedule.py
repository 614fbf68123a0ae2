"""Training schedules: epochs, learning rates, time budgets."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from finkd.machine import processes
from finkd.machine.precision import Precision
from finkd.settings import later


@dataclass(frozen=True)
class Schedule:
    """Length and learning rates of a training.

    Attributes:
        epochs: passes over the data; the last one may be a part.
        learning_rate: peak of a linear warm-up and decay to zero.
        head_learning_rate: the same for the classification head, which starts from nothing.
        embedding_learning_rate: the same for the token embeddings; ``None`` takes ``learning_rate``, 0 freezes them. On
            little text, tokens that are seen move away from those that are not, which costs accuracy on new names.
        batch_tokens: tokens of one batch, padding included.
        warmup: share of the steps that warm up.
        weight_decay: of matrices; biases and norms have none.
        clip: largest norm of the gradient.
        dropout: of hidden states, in steps of 1/256; attention has none, since that would keep it out of fused kernels.
        precision: ``"auto"`` (the experiment's), ``"fp32"`` or ``"bf16"``.
        gradient_norm_balancing: whether to scale the loss terms so that their gradients are equally large.
        seconds: the training ends after this time at the latest, and its learning rates fall with it; how many
            steps that makes depends on the machine.
        mixing: share of the text that the student reads in the teacher's tokens at first; it falls to 0 at a constant
            rate (``finkd.training.vocabulary_mixing``).
        averaging: decay of the running average of the weights that the training ends with; 0 ends with the last
            weights (``finkd.training.weight_averaging``).

    Example:
        >>> import finkd
        >>> finkd.Schedule(epochs=3).learning_rate
        0.0001
    """

    epochs: NonNegativeFloat = 5.0
    learning_rate: PositiveFloat = 1e-4
    head_learning_rate: NonNegativeFloat = 1e-3
    embedding_learning_rate: NonNegativeFloat | None = None
    batch_tokens: PositiveInt = 1024
    warmup: Annotated[float, Field(ge=0, le=1)] = 0.1
    weight_decay: NonNegativeFloat = 0.01
    clip: PositiveFloat = 1.0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    precision: Precision = "auto"
    gradient_norm_balancing: bool = False
    seconds: PositiveFloat | None = None
    mixing: Annotated[float, Field(ge=0, le=1)] = 0.0
    averaging: Annotated[float, Field(ge=0, lt=1)] = later(0.0)


class Course:
    """Position within a training, by steps or by the time budget, whichever is further."""

    def __init__(self, schedule: Schedule, steps: int) -> None:
        self.steps = steps
        self.warmup = round(schedule.warmup * steps)
        self.seconds = schedule.seconds
        self.elapsed = 0.0
        """Seconds of training, those of a process that was killed included."""
        self._updated = time.perf_counter()

    def update_elapsed(self) -> None:
        """Update the elapsed time, which is equal on all processes and constant between two calls."""
        now = time.perf_counter()
        self.elapsed += now - self._updated
        self._updated = now
        if self.seconds:
            self.elapsed = processes.agreed(self.elapsed)

    def skip(self) -> None:
        """Exclude the time since the last update."""
        self._updated = time.perf_counter()

    def done(self, step: int) -> float:
        """Return the number of steps that count as done after ``step``."""
        clock = self.steps * self.elapsed / self.seconds if self.seconds else 0.0
        return min(max(step, clock), self.steps)

    def rate(self, step: int) -> float:
        """Return the learning-rate factor: linear warm-up, then linear decay to zero."""
        done = self.done(step)
        if done < self.warmup:
            return done / self.warmup
        return (self.steps - done) / max(1, self.steps - self.warmup)
