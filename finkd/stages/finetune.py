"""NER with gold labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import Field

from finkd.losses.cross_entropy import CrossEntropy
from finkd.losses.term import Loss
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.stages.stage import Context, Stage, StageResult, Training
from finkd.stages.training import examples, fit, trainable
from finkd.training.schedule import Schedule
from finkd.training.vocabulary_mixing import check_mixing


@dataclass(frozen=True)
class Finetune(Stage):
    """Train the encoder and its head on the labelled sentences.

    Attributes:
        schedule: how long and how fast.
        smoothing: label smoothing of the cross-entropy.
    """

    schedule: Schedule = field(default_factory=Schedule)
    smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    version: ClassVar[int] = 5

    @property
    def training(self) -> Training:
        """The labelled sentences."""
        return Training(self.schedule)

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check the labels; the new model is a tagger."""
        self.terms()
        return spec.tagger("finetune")

    def terms(self) -> list[Loss]:
        """Cross-entropy."""
        terms: list[Loss] = [CrossEntropy(smoothing=self.smoothing)]
        check_mixing(self.schedule, terms)
        return terms

    def cache_inputs(self, context: Context) -> dict[str, Any]:
        """Corpus, labels, seed and precision."""
        return context.inputs("corpus", "labels", "seed", "precision")

    def run(self, model: Model, context: Context) -> StageResult:
        """The trained tagger."""
        tagger = trainable(model, context)
        data = examples(context.train, tagger, context, context.labels)
        return StageResult(tagger, fit(tagger, data, self.terms(), self.schedule, context))
