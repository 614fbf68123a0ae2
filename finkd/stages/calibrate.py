"""Calibrated scores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from finkd.corpora.errors import ConfigError
from finkd.data.raw_text import TextPart
from finkd.evaluation.calibration import fit_temperature, fit_temperature_to_teacher, with_temperature
from finkd.evaluation.folds import held_out
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.models.tagger_checks import check_head
from finkd.stages.stage import TAGGER, Context, Source, Stage, StageResult
from finkd.store import address
from finkd.teachers.labels import teacher_labels


@dataclass(frozen=True)
class Calibrate(Stage):
    """Scale the scores of entities by one temperature, so that of those with .9 about 90 % are right (Guo et al. 2017).

    The temperature is fitted on text that no stage of the strategy reads, neither before nor after this one. It divides
    the weights of the output layer, so that exports have it too. The entities that the model finds stay the same.

    Attributes:
        on: ``"gold"``, a part of the training documents; a teacher should not have read them either, because a student
            is surer of what its teacher has learned by heart. Or raw ``"text"``, on which the teacher's label
            distributions stand for the truth: no labelled sentence is lost, and the scores are as good as the
            teacher's.
        teacher_temperature: for raw text, what the teacher's scores are divided by first; of an ensemble those of all
            members together. Teachers are overconfident on new text; to measure by how much, train one with
            ``> calibrate`` at its end, which logs its temperature.
        held_out: share of the sentences that is set aside: the last ones of raw text; of the labelled ones whole
            documents, or single sentences of documents that are more than twice as large.
    """

    on: Literal["gold", "text"] = "gold"
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.1
    teacher_temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    version: ClassVar[int] = 2

    @property
    def sources(self) -> frozenset[Source]:
        """The text that is set aside."""
        return frozenset({self.on})

    def teachers(self) -> tuple[str, ...]:
        """The tagger, for raw text."""
        return (TAGGER,) if self.on == "text" else ()

    def reserved(self, context: Context) -> Context:
        """Set the held-out sentences aside."""
        if self.on == "text":
            context.source_fingerprint("text", "calibrate")
            assert context.text is not None
            begin, last = TextPart(context.text, 0, 1 - self.held_out), TextPart(context.text, 1 - self.held_out, 1)
            is_same = context.general is not None and context.general.fingerprint == context.text.fingerprint
            return replace(context, text=begin, held_out_text=last, general=begin if is_same else context.general)
        if not context.train:
            raise ConfigError("calibrate: needs a labelled corpus; name one (--corpus)")
        rest, part = held_out(context.train, self.held_out)
        corpus = address({"corpus": context.corpus, "without": self.held_out, "version": 2})
        return replace(context, train=rest, held_out=part, corpus=corpus)

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check that it is a tagger of the corpus, and the teacher's temperature."""
        if self.on == "gold" and self.teacher_temperature != 1:
            raise ConfigError("calibrate.teacher_temperature: gold text has no teacher; use calibrate:text")
        if spec.head != "labels":
            raise ConfigError("calibrate: needs a tagger; put finetune or task-distill before it")
        spec.check_corpus()
        return spec

    def cache_inputs(self, context: Context) -> dict[str, Any]:
        """The labels, and the corpus or what the teacher says of the text."""
        if self.on == "gold":
            return context.inputs("corpus", "labels")
        assert context.held_out_text is not None
        teacher = context.teacher_named(TAGGER, "calibrate:text")
        text = context.held_out_text.fingerprint
        return {**context.inputs("labels", "precision"), "text": text, "teacher": teacher.key}

    def run(self, model: Model, context: Context) -> StageResult:
        """The calibrated tagger."""
        check_head(model.labels, "calibrate: the model")
        if self.on == "gold":
            return StageResult(with_temperature(model, fit_temperature(model, context.held_out)))
        assert context.held_out_text is not None
        sentences = context.held_out_text.draw()
        labels = teacher_labels(
            sentences,
            context.teacher_named(TAGGER, "calibrate:text"),
            model.labels,
            context.store,
            context.precision,
            context.listen,
        )
        best = fit_temperature_to_teacher(model, sentences, np.asarray(labels), self.teacher_temperature)
        return StageResult(with_temperature(model, best))
