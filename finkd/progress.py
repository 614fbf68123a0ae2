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
