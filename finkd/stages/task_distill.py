"""NER learned from a teacher's labels, on gold text or on raw text, across tokenizers."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field, NonNegativeInt
from torch import Tensor
from torch.nn import functional

from finkd.augmentation.entity_replacement import lost_names, with_other_names
from finkd.augmentation.similar_words import SimilarWords, changed_sentences
from finkd.augmentation.word_replacement import Augment, augmented
from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.data.arrays import Array, Joined
from finkd.losses.term import OF_WORDS
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.settings import later
from finkd.stages.stage import TAGGER, Context, Source, StageResult, Training
from finkd.stages.training import LearningStage, Losses, examples, fit, trainable
from finkd.teachers.label_map import LEAST
from finkd.teachers.labels import Asked, teacher_labels
from finkd.teachers.teacher import Teacher
from finkd.tokenization.regularization import RegularizedTokenizer
from finkd.tokenization.tokens import Longs
from finkd.training.schedule import Schedule
from finkd.training.teacher_outputs import CachedHiddenStates, CachedLogits, LiveTeacher, TeacherOutputs

log = logging.getLogger(__name__)

_WORDS_AT_ONCE = 1 << 14
_FEW = 0.001
"""Share of the words that a teacher may leave out without a word: those of odd characters, which no token covers."""


@dataclass(frozen=True)
class TaskDistill(LearningStage):
    """Train a student on the label distributions of a finished tagger, word by word.

    On raw text this is what helps small NER students most (TextBrewer, arXiv 2002.12620, section 4: a 3-layer BERT on
    CoNLL-2003 gains 2.5 points from it); on gold text gold labels come on top.

    Where the teacher reads no word of a labelled sentence, as a file of predictions may not, the gold label stands for
    what it would say.

    Attributes:
        on: ``"gold"`` labelled sentences, raw ``"text"`` of the domain, or ``"general"`` text.
        losses: loss term -> its settings, or the name of a recipe (``finkd list recipes``).
        schedule: how long and how fast.
        cache_teacher_outputs: whether to compute the teacher's hidden states once and keep them in the store. It pays
            where text is read twice or by two students; it takes 2 bytes (in bf16) for each token, kept layer and
            dimension, and half of that with ``int8``.
        entity_replacement: how often to put each name that the teacher's vocabulary holds and the student's does not
            into a copy of a raw sentence, in the place of another name; copies are read beside the text
            (``finkd.augmentation.entity_replacement``).
        augment: copies with words that a masked language model predicts, read beside the text
            (``finkd.augmentation.word_replacement``).
        similar_words: the same with words whose embeddings lie near in the teacher
            (``finkd.augmentation.similar_words``).
        subword_dropout: share of the student's vocabulary that is dropped when a text is tokenized, others for another
            text (``finkd.tokenization.regularization``).
        teacher: system of role ``teacher`` that labels this text; by default the one of the system that learns. So one
            teacher can label general text, and another text of the domain (Gordon and Duh, arXiv 2003.02877).
        members: members of an ensemble that label a sentence. ``"in-turn"`` is for raw text: each thousand sentences
            are labelled by another member, so that as many members as there are cost no more than one.
    """

    on: Source = "gold"
    losses: Losses = "word-logits-and-hidden-states"
    schedule: Schedule = field(default_factory=Schedule)
    cache_teacher_outputs: bool | Literal["int8"] = False
    entity_replacement: NonNegativeInt = 0
    augment: Augment = field(default_factory=Augment)
    subword_dropout: Annotated[float, Field(ge=0, lt=1)] = later(0.0)
    members: Asked = "all"
    similar_words: SimilarWords = later(SimilarWords())
    teacher: str = later("")
    version: ClassVar[int] = 6

    @property
    def training(self) -> Training:
        """The sentences and their copies, which the teacher reads too."""
        is_read_once = bool(self.cache_teacher_outputs) or not self._runs_teacher()
        return Training(
            self.schedule,
            self.on,
            self.augment.copies + self.similar_words.copies,
            has_teacher=True,
            in_turn=self.members == "in-turn",
            caches_teacher=is_read_once,
            state_bytes=self.state_bytes,
        )

    def _runs_teacher(self) -> bool:
        """Whether a term reads more of the teacher than its labels, which are computed once."""
        return any(term.requires & ~OF_WORDS for term in self.terms())

    def _needs_model(self) -> str:
        """The setting that needs more than labels of its teacher; empty without."""
        needs = {
            "losses": self._runs_teacher(),
            "entity_replacement": bool(self.entity_replacement),
            "similar_words": bool(self.similar_words.copies),
        }
        return next((setting for setting, is_needed in needs.items() if is_needed), "")

    def teachers(self) -> tuple[str, ...]:
        """The tagger, and the masked-LM that makes copies."""
        return (TAGGER, self.augment.teacher) if self.augment.copies else (TAGGER,)

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check the labels; the new model is a tagger."""
        if self.entity_replacement and self.on == "gold":
            raise ConfigError(
                "task-distill:gold.entity_replacement: gold labels do not fit other names; use task-distill:text"
            )
        if self.members == "in-turn" and self.on == "gold":
            raise ConfigError("task-distill:gold.members: in-turn is for raw text; all members label gold text")
        return spec.tagger("task-distill")

    def cache_inputs(self, context: Context) -> dict[str, Any]:
        """The loss terms, the teacher, the text, labels, seed and precision."""
        teacher = self._teacher(context)
        if self._runs_teacher():
            self._check_losses(context.student, teacher.spec)
        return super().cache_inputs(context) | {
            "teacher": teacher.key,
            "text": context.source_fingerprint(self.on, "task-distill"),
            "labels": context.labels,
            "masked-lm": self._masked_lm(context).key if self.augment.copies else None,
        }

    def run(self, model: Model, context: Context) -> StageResult:
        """The trained student."""
        student = trainable(model, context)
        terms, teacher = self.terms(), self._teacher(context)
        looks = self._runs_teacher()
        tagger = teacher.model("task-distill") if self._needs_model() else None
        network = tagger if looks else None
        sentences = self._read(tagger, student, context)
        data = examples(sentences, self._reader(student, context), context, context.labels, network)
        labels = None
        if network is None or not teacher.is_model:
            every = teacher_labels(
                sentences, teacher, context.labels, context.store, context.precision, context.listen, self.members
            )
            labels = StoredLogits(every, data.word_ids, data.labels if self.on == "gold" else None)
            data = replace(data, usable=data.usable & self._taught(labels))
            if not data.usable.any():
                raise ConfigError(f"task-distill:{self.on}: the teacher reads no word of this text")
        if network is None:
            assert labels is not None
            teaching: TeacherOutputs = CachedLogits(labels)
        elif self.cache_teacher_outputs and data.teacher is not None:
            states = self._states(network, teacher.states_key, data, student, context)
            if labels is None and states.logits is not None:
                labels = StoredLogits(states.logits, data.teacher.first)
            teaching = CachedHiddenStates(network, states, labels)
        else:
            teaching = LiveTeacher(network, labels)
        return StageResult(student, fit(student, data, terms, self.schedule, context, teaching))

    def _taught(self, labels: StoredLogits) -> npt.NDArray[np.bool_]:
        """(words,) True for words that have a label; a warning says if the teacher leaves many out."""
        unread = labels.unread()
        if (share := np.count_nonzero(unread) / max(1, len(unread))) > _FEW:
            told = "they teach nothing" if labels.gold is None else "gold labels stand for what it would say"
            log.warning(
                "task-distill:%s: the teacher does not read %.1f %% of the words; %s", self.on, 100 * share, told
            )
        return ~unread if labels.gold is None else ~unread | (labels.gold >= 0)

    def _teacher(self, context: Context) -> Teacher:
        """The teacher.

        Raises:
            ConfigError: if there is none, or it lacks what the stage reads or asks.
        """
        teacher = context.tagger(self.teacher, f"task-distill:{self.on}.teacher")
        if setting := self._needs_model():
            teacher.check_model(f"task-distill:{self.on}.{setting}")
        if self.members == "in-turn" and len({member.weight for member in teacher.members}) != 1:
            raise ConfigError(
                f"task-distill:{self.on}.members: in-turn needs a teacher with members of the same weight "
                "(teacher: [{system: NAME, seed: 1}, {system: NAME, seed: 2}])"
            )
        return teacher

    def _masked_lm(self, context: Context) -> Teacher:
        return context.teacher_named(self.augment.teacher, "augment.teacher")

    def _reader(self, student: Model, context: Context) -> Model:
        """The student with the tokenizer that cuts the text that it learns from."""
        if not self.subword_dropout:
            return student
        tokenizer = RegularizedTokenizer(student.tokenizer, self.subword_dropout, context.seed)
        return replace(student, tokenizer=tokenizer)

    def _read(self, tagger: Model | None, student: Model, context: Context) -> Iterable[Sentence]:
        """The sentences, and copies of them."""
        sentences = context.sentences(self.on)
        copies: list[Sentence] = []
        if tagger is not None and self.entity_replacement:
            names = lost_names(tagger, student.tokenizer)
            copies += with_other_names(sentences, names, self.entity_replacement, context.seed)
        if self.augment.copies:
            masked_lm = self._masked_lm(context).model("augment.teacher")
            copies += augmented(sentences, masked_lm, self.augment, context.seed, context.precision, context.listen)
        if tagger is not None:
            copies += changed_sentences(sentences, tagger, self.similar_words, context.seed)
        return Chain(sentences, copies)


class Chain(Iterable[Sentence]):
    """Sentences of several collections, one after the other, as often as they are asked for.

    Args:
        parts: the collections.
    """

    def __init__(self, *parts: Iterable[Sentence]) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[Sentence]:
        return chain.from_iterable(self.parts)


@dataclass(frozen=True)
class StoredLogits:
    """Label logits of the words of a text, read from disk for each batch.

    Attributes:
        scores: (rows, labels) float32, NaN where the teacher says nothing.
        rows: (words,) row of each word.
        gold: (words,) gold label ids, which stand for what the teacher does not say; ``None`` without.
    """

    scores: Joined
    rows: Longs
    gold: Array | None = None

    def __getitem__(self, words: Tensor) -> Tensor:
        """Return (words, labels) those of some words."""
        found = torch.from_numpy(self.scores.take(self.rows[words.numpy()]))
        return found if self.gold is None else _with_gold(found, torch.from_numpy(self.gold[words.numpy()]))

    def unread(self) -> npt.NDArray[np.bool_]:
        """(words,) True where the teacher says nothing."""
        blocks = np.split(self.rows, range(_WORDS_AT_ONCE, len(self.rows), _WORDS_AT_ONCE))
        return np.concatenate([np.isnan(self.scores.take(rows)).any(axis=1) for rows in blocks])


def _with_gold(scores: Tensor, labels: Tensor) -> Tensor:
    """Label scores in which words that have none get the one of their gold label, if they have that."""
    missing = scores.isnan().any(dim=1) & (labels >= 0)
    certain = functional.one_hot(labels[missing].long(), scores.shape[1]).to(scores.dtype)
    return scores.index_put((missing,), certain.clamp(min=LEAST).log())
