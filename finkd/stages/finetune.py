"""NER with gold labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import Field

from finkd.losses.cross_entropy import CrossEntropy
from finkd.models.model import Model
from finkd.stages.common import examples, fit, trainable
from finkd.stages.stage import Context, Head
from finkd.training.schedule import Schedule
from finkd.training.vocabulary_mixing import check_mixing


@dataclass(frozen=True)
class Finetune:
    """Train the encoder and its head on the labelled sentences.

    Attributes:
        schedule: how long and how fast.
        smoothing: label smoothing of the cross-entropy.
    """

    schedule: Schedule = field(default_factory=Schedule)
    smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    version: ClassVar[int] = 5
    head: ClassVar[Head] = "labels"

    def depends(self, context: Context) -> dict[str, Any]:
        """Corpus, labels, seed and precision."""
        check_mixing(self.schedule, [self.loss])
        return {
            "corpus": context.corpus,
            "labels": context.labels,
            "seed": context.seed,
            "precision": context.precision,
        }

    def run(self, model: Model, context: Context) -> tuple[Model, int]:
        """The trained tagger."""
        tagger = trainable(model, context)
        data = examples(context.train, tagger, context, context.labels)
        return tagger, fit(tagger, data, [self.loss], self.schedule, context)

    @property
    def loss(self) -> CrossEntropy:
        """What is minimised."""
        return CrossEntropy(smoothing=self.smoothing)
