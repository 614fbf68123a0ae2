"""Train a model; every stage that trains calls ``train``."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from finkd.corpora.errors import ConfigError
from finkd.data.batches import TrainingData
from finkd.losses.term import Loss
from finkd.models.model import Model
from finkd.progress import Listener
from finkd.training.callbacks import Checkpointing, Listening, Look, Looking
from finkd.training.checkpoints import Checkpoints
from finkd.training.loop import Loop
from finkd.training.schedule import Schedule
from finkd.training.teacher_outputs import TeacherOutputs
from finkd.training.vocabulary_mixing import both_vocabularies, check_mixing
from finkd.training.weight_constraints import Constraint


def train(
    model: Model,
    data: TrainingData,
    losses: Sequence[Loss],
    schedule: Schedule,
    seed: int,
    teacher: TeacherOutputs | None = None,
    listen: Listener | None = None,
    checkpoints: Checkpoints | None = None,
    look: Look | None = None,
    constraint: Constraint | None = None,
) -> int:
    """Train a model in place.

    Args:
        model: a tagger, or an encoder.
        data: its examples.
        losses: terms whose weighted sum is minimised.
        schedule: how long and how fast.
        seed: decides the batches and the dropout; equal seeds give equal weights on one machine.
        teacher: what the terms that need one learn from.
        listen: called after every step.
        checkpoints: where the state of the training is left now and then. A training that finds one there goes on from
            it and ends with the weights, to the bit, that it would have without an interruption.
        look: called after every step with the model as it is; may read it, and end the training by an exception.
        constraint: on what the network computes with; the model ends as it says.

    Returns:
        the number of non-padding tokens that the student saw.

    Raises:
        ConfigError: if the schedule mixes vocabularies and there is no teacher to mix with.
        DivergedError: if the loss or its gradient is not finite.
        StoreError: if a checkpoint cannot be written.
    """
    with _vocabularies(model, data, losses, schedule, teacher):
        loop = Loop(model, data, losses, schedule, seed, teacher, constraint)
        if listen is not None:
            loop.callbacks.append(Listening(listen))
        if look is not None:
            loop.callbacks.append(Looking(look, loop.computing, loop.resume))
        if checkpoints is not None:
            loop.callbacks.append(Checkpointing(checkpoints, loop.checkpoint))
        return loop.run(checkpoints.latest() if checkpoints is not None else None)


def _vocabularies(
    model: Model, data: TrainingData, losses: Sequence[Loss], schedule: Schedule, teacher: TeacherOutputs | None
) -> contextlib.AbstractContextManager[None]:
    """Let the student read the teacher's vocabulary too, if the schedule mixes them."""
    if not schedule.mixing:
        return contextlib.nullcontext()
    check_mixing(schedule, losses)
    if teacher is None or teacher.model is None or data.teacher is None:
        raise ConfigError("schedule.mixing: needs a teacher, whose vocabulary is read too")
    return both_vocabularies(model, teacher.model)
