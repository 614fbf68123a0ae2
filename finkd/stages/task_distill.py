"""NER learned from a teacher's labels, on gold text or on raw text, across tokenizers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import NonNegativeInt

from finkd.augmentation.entity_replacement import lost_names, with_other_names
from finkd.augmentation.word_replacement import Augment, augmented
from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence, digest
from finkd.corpora.text.shelf import Chain
from finkd.data.arrays import Array, Growing, mapped
from finkd.data.dataset import blocks
from finkd.inference.tagger import sentence_logits
from finkd.losses.term import Requirement
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.stages.common import LearningStage, Losses, examples, fit, trainable
from finkd.stages.stage import TAGGER, Context, Source, StageResult, TaughtBy, Training
from finkd.store import address
from finkd.training.schedule import Schedule
from finkd.training.teachers import CachedHiddenStates, CachedLogits, LiveTeacher, Teacher


@dataclass(frozen=True)
class TaskDistill(LearningStage):
    """Train a student on the label distributions of a finished tagger, word by word.

    On raw text this is what helps small NER students most (TextBrewer, arXiv 2002.12620, section 4: a 3-layer BERT on
    CoNLL-2003 gains 2.5 points from it); on gold text gold labels come on top.

    Attributes:
        on: ``"gold"`` labelled sentences, raw ``"text"`` of the domain, or ``"general"`` text.
        losses: loss term -> its settings, or the name of a recipe (``finkd list recipes``).
        schedule: how long and how fast.
        cache_teacher_outputs: whether to compute the teacher's hidden states once and keep them in the store. It pays
            where text is read twice or by two students; it takes 2 bytes (in bf16) for each token, kept layer and
            dimension.
        entity_replacement: how often to put each name that the teacher's vocabulary holds and the student's does not
            into a copy of a raw sentence, in the place of another name; copies are read beside the text
            (``finkd.augmentation.entity_replacement``).
        augment: copies in which other words stand, which are read beside the text (``augmentation.word_replacement``).
    """

    on: Source = "gold"
    losses: Losses = "word-logits-and-hidden-states"
    schedule: Schedule = field(default_factory=Schedule)
    cache_teacher_outputs: bool = False
    entity_replacement: NonNegativeInt = 0
    augment: Augment = field(default_factory=Augment)
    version: ClassVar[int] = 5

    @property
    def training(self) -> Training:
        """The sentences and their copies, which the teacher reads too."""
        is_read_once = self.cache_teacher_outputs or not self._runs_teacher()
        return Training(self.schedule, self.on, self.augment.copies, has_teacher=True, caches_teacher=is_read_once)

    def _runs_teacher(self) -> bool:
        """Whether a term reads more of the teacher than its labels, which are computed once."""
        return any(term.requires & ~(Requirement.LABELS | Requirement.WORD_LOGITS) for term in self.terms())

    def teachers(self) -> tuple[str, ...]:
        """The tagger, and the masked-LM that makes copies."""
        return (TAGGER, self.augment.teacher) if self.augment.copies else (TAGGER,)

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check the labels; the new model is a tagger."""
        if self.entity_replacement and self.on == "gold":
            raise ConfigError(
                "task-distill:gold.entity_replacement: gold labels do not fit other names; use task-distill:text"
            )
        return spec.tagger("task-distill")

    def cache_inputs(self, context: Context) -> dict[str, Any]:
        """The loss terms, the teacher, the text, labels, seed and precision."""
        return super().cache_inputs(context) | {
            "teacher": context.taught_by(TAGGER, "task-distill").key,
            "text": context.source_fingerprint(self.on, "task-distill"),
            "labels": context.labels,
            "masked-lm": self._masked_lm(context).key if self.augment.copies else None,
        }

    def run(self, model: Model, context: Context) -> StageResult:
        """The trained student."""
        assert context.teacher is not None
        student = trainable(model, context)
        terms, looks = self.terms(), self._runs_teacher()
        tagger = context.teacher.load() if looks or self.entity_replacement else None
        teacher = tagger if looks else None
        sentences = self._read(tagger, student, context)
        data = examples(sentences, student, context, context.labels, teacher)
        if teacher is None:
            targets = torch.from_numpy(teacher_labels(sentences, context.teacher, context)[data.word_ids])
            data = replace(data, usable=data.usable & ~targets.isnan().any(dim=1).numpy())
            teaching: Teacher = CachedLogits(targets)
        elif self.cache_teacher_outputs and data.teacher is not None:
            states = self._states(teacher, context.teacher.key, data, student, context)
            targets = states.word_logits(teacher.tagging_head, data.teacher.first)
            teaching = CachedHiddenStates(teacher, states, targets)
        else:
            teaching = LiveTeacher(teacher)
        return StageResult(student, fit(student, data, terms, self.schedule, context, teaching))

    def _masked_lm(self, context: Context) -> TaughtBy:
        return context.taught_by(self.augment.teacher, "augment.teacher")

    def _read(self, tagger: Model | None, student: Model, context: Context) -> Iterable[Sentence]:
        """The sentences, and copies of them."""
        sentences = context.sentences(self.on)
        copies: list[Sentence] = []
        if tagger is not None and self.entity_replacement:
            names = lost_names(tagger, student.tokenizer)
            copies += with_other_names(sentences, names, self.entity_replacement, context.seed)
        if self.augment.copies:
            masked_lm = self._masked_lm(context).load()
            copies += augmented(sentences, masked_lm, self.augment, context.seed, context.precision, context.listen)
        return Chain(sentences, copies)


def teacher_labels(sentences: Iterable[Sentence], teacher: TaughtBy, context: Context) -> Array:
    """Label scores of a teacher for every word, computed once per teacher and text and kept in the store.

    Returns:
        (words, labels) float32, on disk; NaN for words that the teacher's tokenizer does not cover.
    """
    key = address({"labels-of": teacher.key, "text": digest(sentences), "precision": context.precision, "version": 5})

    def compute(folder: Path) -> None:
        tagger, growing = teacher.load(), Growing(folder)
        for block in blocks(sentences):
            scores = sentence_logits(block, tagger, precision=context.precision)
            growing.add(scores=np.concatenate([np.zeros(0, np.float32), *(each.ravel() for each in scores)]))
        growing.whole()

    stored = context.store.made(key, {"kind": "teacher labels"}, compute)
    return mapped(stored.folder)["scores"].reshape(-1, len(context.labels))
