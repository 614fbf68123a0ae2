"""Callbacks of the training loop: listeners, readers of the model, checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from finkd.models.model import Model
from finkd.progress import Listener, Progress
from finkd.system import processes
from finkd.training.checkpoints import Checkpoint, Checkpoints

Look = Callable[[Model, Progress], None]
"""Reads a model in the middle of its training."""


class Callback:
    """Called by the training loop; every method may be left out.

    ``done`` is the share of the training that is done.
    """

    def begin(self, done: float) -> None:
        """Before the first step of this process, with the weights as they are."""

    def before_update(self) -> None:
        """Gradients are there, and the weights have not moved."""

    def after_update(self, done: float) -> None:
        """The weights have moved."""

    def after_step(self, progress: Progress) -> None:
        """A step is over. An exception ends the training."""

    def end(self, done: float) -> None:
        """After the last step."""

    def tensors(self) -> dict[str, Tensor]:
        """State for a checkpoint, by names of its own."""
        return {}

    def restore(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Take the state back from a checkpoint that was written after a step."""


class Listening(Callback):
    """Tells a listener about every step."""

    def __init__(self, listen: Listener) -> None:
        self.listen = listen

    def after_step(self, progress: Progress) -> None:
        """Tell the listener."""
        self.listen(progress)


class Looking(Callback):
    """Shows the model after every step to somebody who may read it and end the training by an exception.

    Args:
        look: called with the model.
        model: what computes.
        resume: called afterwards, to go on training.
    """

    def __init__(self, look: Look, model: Model, resume: Callable[[], None]) -> None:
        self.look, self.model, self.resume = look, model, resume

    def after_step(self, progress: Progress) -> None:
        """Show the model."""
        self.look(self.model, progress)
        self.resume()


class Checkpointing(Callback):
    """Writes a checkpoint now and then.

    Args:
        checkpoints: where.
        state: returns the state of the training; ``None`` after its last step.
    """

    def __init__(self, checkpoints: Checkpoints, state: Callable[[], Checkpoint | None]) -> None:
        self.checkpoints, self.state = checkpoints, state

    def after_step(self, progress: Progress) -> None:
        """Write one, if it is due."""
        if processes.is_first() and self.checkpoints.due and (state := self.state()) is not None:
            self.checkpoints.save(state)
