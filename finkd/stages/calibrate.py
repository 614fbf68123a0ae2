"""Calibrated scores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

from pydantic import Field

from finkd.corpora.errors import ConfigError
from finkd.evaluation.calibration import fit_temperature, with_temperature
from finkd.evaluation.folds import held_out
from finkd.models.files import check_head
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.stages.stage import Context, Source, Stage, StageResult
from finkd.store import address


@dataclass(frozen=True)
class Calibrate(Stage):
    """Make the scores of entities as high as they are often right, by one temperature (Guo et al., arXiv 1706.04599).

    The temperature is fitted on a part of the training documents that no stage of the strategy learns from, neither
    before nor after this one. It divides the weights of the output layer, so that exports have it too. The entities
    that the model finds stay the same.

    Attributes:
        held_out: share of the training sentences that is set aside, in whole documents.
    """

    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.1
    version: ClassVar[int] = 1

    @property
    def sources(self) -> frozenset[Source]:
        """The labelled sentences."""
        return frozenset({"gold"})

    def reserved(self, context: Context) -> Context:
        """Set the held-out documents aside."""
        if not context.train:
            raise ConfigError("calibrate: needs a labelled corpus; name one (--corpus)")
        rest, part = held_out(context.train, self.held_out)
        corpus = address({"corpus": context.corpus, "without": self.held_out, "version": 2})
        return replace(context, train=rest, held_out=part, corpus=corpus)

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check that it is a tagger of the corpus."""
        if spec.head != "labels":
            raise ConfigError("calibrate: needs a tagger; put finetune or task-distill before it")
        spec.check_corpus()
        return spec

    def cache_inputs(self, context: Context) -> dict[str, Any]:
        """The corpus and its labels."""
        return context.inputs("corpus", "labels")

    def run(self, model: Model, context: Context) -> StageResult:
        """The calibrated tagger."""
        check_head(model.labels, "calibrate: the model")
        return StageResult(with_temperature(model, fit_temperature(model, context.held_out)))
