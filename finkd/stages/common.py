"""What the stages that train have in common."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

from finkd.batches import TrainingData
from finkd.losses.term import Loss
from finkd.models import Model, with_head
from finkd.precision import Precision
from finkd.schedule import Schedule
from finkd.stages.stage import Context
from finkd.states import Keeper
from finkd.step import Teacher
from finkd.training import train


def copied(model: Model) -> Model:
    """A copy whose weights may be changed."""
    return Model(copy.deepcopy(model.network), model.tokenizer, model.labels)


def trainable(model: Model, context: Context) -> Model:
    """A copy of the model with a head for the corpus's labels."""
    return with_head(copied(model), context.labels, context.seed)


def keeper(teacher: Model, key: str, schedule: Schedule, context: Context) -> Keeper:
    """Keeps a teacher's states in the store of an experiment, in the precision of a training."""
    return Keeper(teacher, key, _precision(schedule, context), context.store, context.listen)


def fit(
    model: Model,
    data: TrainingData,
    losses: Sequence[Loss],
    schedule: Schedule,
    context: Context,
    teacher: Teacher | None = None,
) -> int:
    """``finkd.training.train`` in the experiment's precision, with its seed, watched and checkpointed."""
    schedule = replace(schedule, precision=_precision(schedule, context))
    return train(model, data, losses, schedule, context.seed, teacher, context.listen, context.checkpoints)


def _precision(schedule: Schedule, context: Context) -> Precision:
    """The experiment's precision, unless the stage's settings name another."""
    return context.precision if schedule.precision == "auto" else schedule.precision
