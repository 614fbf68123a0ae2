"""NER with gold labels."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar

from pydantic import Field

from finkd.batches import TrainingData
from finkd.losses.cross_entropy import CrossEntropy
from finkd.models import Model, with_head
from finkd.stages.stage import Context
from finkd.states import Keeper
from finkd.training import Schedule, train


@dataclass(frozen=True)
class Finetune:
    """Train the encoder and its head on the labelled sentences.

    Attributes:
        schedule: how long and how fast.
        smoothing: label smoothing of the cross-entropy.
    """

    schedule: Schedule = field(default_factory=Schedule)
    smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    version: ClassVar[int] = 3

    def depends(self, context: Context) -> dict[str, Any]:
        """Corpus, labels, seed and precision."""
        return {
            "corpus": context.corpus,
            "labels": context.labels,
            "seed": context.seed,
            "precision": context.precision,
        }

    def run(self, model: Model, context: Context) -> tuple[Model, int]:
        """The trained tagger."""
        tagger = trainable(model, context)
        data = TrainingData.of(context.train, tagger, context.labels)
        schedule = in_precision(self.schedule, context)
        losses = [CrossEntropy(smoothing=self.smoothing)]
        return tagger, train(tagger, data, losses, schedule, context.seed, listen=context.listen)


def in_precision(schedule: Schedule, context: Context) -> Schedule:
    """The schedule in the experiment's precision, unless the stage's settings name another."""
    return replace(schedule, precision=context.precision) if schedule.precision == "auto" else schedule


def keeper_of(teacher: Model, key: str, schedule: Schedule, context: Context) -> Keeper:
    """Keeps a teacher's states in the store of an experiment, in the precision of a training."""
    return Keeper(teacher, key, schedule.precision, context.store, context.listen)


def copied(model: Model) -> Model:
    """A copy whose weights may be changed."""
    return Model(copy.deepcopy(model.network), model.tokenizer, model.labels)


def trainable(model: Model, context: Context) -> Model:
    """A copy of the model with a head for the corpus's labels."""
    return with_head(copied(model), context.labels, context.seed)
