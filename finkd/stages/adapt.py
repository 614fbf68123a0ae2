"""Continued masked language modelling."""

from __future__ import annotations

import logging
import math
import statistics
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from finkd.data.masking import masking_version, with_masking
from finkd.losses.masked_lm import MaskedLM
from finkd.losses.term import Loss
from finkd.models.heads import with_masked_head
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.progress import Listener, Progress
from finkd.stages.stage import Context, Source, Stage, StageResult, Training
from finkd.stages.training import examples, fit
from finkd.training.schedule import Schedule
from finkd.training.vocabulary_mixing import check_mixing

log = logging.getLogger(__name__)

_LAST = 0.9
"""Share of the steps after which losses count for the perplexity."""


@dataclass(frozen=True)
class Adapt(Stage):
    """Train the encoder to predict masked words of the domain (Gururangan et al., arXiv 2004.10964, section 3).

    An encoder that came without a masked-LM head gets one whose decoder is tied to its embeddings. With ``train: head``
    nothing else is changed, which makes a masked-LM teacher of a sentence encoder. In a stage of one pass, the
    perplexity of masked words over the last tenth of the steps is logged, whose text the stage has not read before.

    Attributes:
        on: raw ``"text"`` of the domain, ``"general"`` text, or the ``"gold"`` sentences without their labels.
        train: ``"all"`` weights or the ``"head"`` alone.
        masking: share of the words that are masked, each as a whole.
        rarity: 0 masks all words alike; above it rare ones more often (DistilBERT's script has .7).
        schedule: how long and how fast.
    """

    on: Source = "text"
    train: Literal["all", "head"] = "all"
    masking: Annotated[float, Field(gt=0, lt=1)] = 0.15
    rarity: Annotated[float, Field(ge=0, le=1)] = 0.0
    schedule: Schedule = field(default_factory=lambda: Schedule(epochs=1.0, batch_tokens=4096))
    version: ClassVar[int] = 4

    @property
    def training(self) -> Training:
        """The text."""
        return Training(self.schedule, self.on)

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check that the model can have a masked-LM head."""
        self.terms()
        return spec.masked_lm("adapt")

    def terms(self) -> list[Loss]:
        """Masked-language modelling."""
        terms: list[Loss] = [MaskedLM()]
        check_mixing(self.schedule, terms)
        return terms

    def cache_inputs(self, context: Context) -> dict[str, Any]:
        """Text, seed and precision."""
        text = context.source_fingerprint(self.on, "adapt")
        return {"text": text, **context.inputs("seed", "precision"), **masking_version(self.rarity)}

    def run(self, model: Model, context: Context) -> StageResult:
        """The adapted encoder under its masked-LM head."""
        student = with_masked_head(model.copied(), context.seed)
        data = with_masking(examples(context.sentences(self.on), student, context), self.masking, self.rarity)
        schedule = self.schedule
        if self.train == "head":
            # The decoder is the embedding table, so that stays too.
            schedule = replace(schedule, embedding_learning_rate=0.0)
            student.encoder.requires_grad_(False)
        last = _LastLosses(context.listen)
        tokens = fit(student, data, self.terms(), schedule, replace(context, listen=last))
        student.network.requires_grad_(True)
        if schedule.epochs <= 1 and last.losses:
            log.info("adapt: the perplexity of masked words is %.1f", math.exp(statistics.fmean(last.losses)))
        return StageResult(student, tokens)


class _LastLosses:
    """Listener that keeps the losses of the last steps, and forwards progress."""

    def __init__(self, listen: Listener | None) -> None:
        self.listen = listen
        self.losses: list[float] = []

    def __call__(self, progress: Progress) -> None:
        """Keep the loss of a step."""
        if progress.loss is not None and progress.step > _LAST * progress.steps:
            self.losses.append(progress.loss)
        if self.listen is not None:
            self.listen(progress)
