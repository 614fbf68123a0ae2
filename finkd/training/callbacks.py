"""Callbacks of the training loop: progress, evaluation during training, checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from finkd.machine import processes
from finkd.models.model import Model
from finkd.progress import Listener, Progress
from finkd.training.checkpoints import Checkpoint, Checkpoints

Look = Callable[[Model, Progress], None]
"""Reads a model in the middle of its training."""


class Callback:
    """Base class of callbacks; every hook does nothing by default.

    ``done`` is the share of the training that is done.
    """

    def begin(self, done: float) -> None:
        """Run before the first step of this process."""

    def before_update(self) -> None:
        """Run after the backward pass and before the optimizer step."""

    def after_update(self, done: float) -> None:
        """Run after the optimizer step."""

    def after_step(self, progress: Progress) -> None:
        """Run at the end of a step. An exception ends the training."""

    def end(self, done: float) -> None:
        """Run after the last step."""

    def tensors(self) -> dict[str, Tensor]:
        """Return the state that a checkpoint needs, under names of this callback."""
        return {}

    def restore(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Restore the state from a checkpoint written after ``step``."""


class Listening(Callback):
    """Reports the progress of every step."""

    def __init__(self, listen: Listener) -> None:
        self.listen = listen

    def after_step(self, progress: Progress) -> None:
        """Report the progress."""
        self.listen(progress)


class Looking(Callback):
    """Passes the model to a function after every step; an exception of the function ends the training.

    Args:
        look: called with the model.
        model: what computes.
        resume: called afterwards, to go on training.
    """

    def __init__(self, look: Look, model: Model, resume: Callable[[], None]) -> None:
        self.look, self.model, self.resume = look, model, resume

    def after_step(self, progress: Progress) -> None:
        """Pass the model on."""
        self.look(self.model, progress)
        self.resume()


class Checkpointing(Callback):
    """Writes a checkpoint whenever one is due.

    Args:
        checkpoints: where.
        state: returns the state of the training; ``None`` after its last step.
    """

    def __init__(self, checkpoints: Checkpoints, state: Callable[[], Checkpoint | None]) -> None:
        self.checkpoints, self.state = checkpoints, state

    def after_step(self, progress: Progress) -> None:
        """Write a checkpoint if one is due."""
        if processes.is_first() and self.checkpoints.due and (state := self.state()) is not None:
            self.checkpoints.save(state)
