"""Text classification and regression, trained by the loop that trains taggers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn import functional

from finkd.augmentation.similar_words import SimilarWords
from finkd.compression.quantization import without_packed_bytes
from finkd.corpora.errors import ConfigError
from finkd.corpora.tasks.task import Example, TaskData
from finkd.data.batches import TrainingData
from finkd.data.encoding import IGNORED
from finkd.inference.prediction import on_fastest_device, read
from finkd.losses import build_terms
from finkd.losses.cross_entropy import CrossEntropy
from finkd.losses.term import Loss, Requirement, StepOutputs
from finkd.losses.word_logits_kl import WordLogitsKL
from finkd.models.heads import with_head_of, with_text_head
from finkd.models.model import Model
from finkd.progress import Listener
from finkd.settings import later
from finkd.stages.training import Losses
from finkd.suites.few_bits import Bits, constraint, with_rounded_embeddings
from finkd.suites.reading import Long, read_texts
from finkd.tokenization.tokens import Longs, Tokens
from finkd.training.checkpoints import Checkpoints
from finkd.training.schedule import Schedule
from finkd.training.teacher_outputs import CachedLogits, LiveTeacher
from finkd.training.trainer import train

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SquaredError(Loss):
    """Mean of (z_S(x) - y(x))^2 over the texts of a batch, y being gold."""

    requires: ClassVar[Requirement] = Requirement.LABELS

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar mean over texts with a gold number, 0 if there are none."""
        assert outputs.student.word_logits is not None
        assert outputs.labels is not None
        found, known = outputs.student.word_logits.float().squeeze(1), ~outputs.labels.isnan()
        return (found - outputs.labels)[known].square().sum() / known.sum().clamp(min=1)


@dataclass(frozen=True)
class TeacherError(Loss):
    """Mean of (z_S(x) - z_T(x))^2 over the texts of a batch."""

    requires: ClassVar[Requirement] = Requirement.WORD_LOGITS

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar."""
        assert outputs.student.word_logits is not None
        assert outputs.teacher.word_logits is not None
        return functional.mse_loss(outputs.student.word_logits.float(), outputs.teacher.word_logits.float())


@dataclass(frozen=True)
class TextDistillation:
    """How a student learns a task from a teacher that has learned it (TinyBERT: arXiv 1909.10351, section 3.2).

    Attributes:
        schedule: of the student's training; by default that of its teacher's.
        states: loss terms, or a recipe, on the teacher's states, which are learned before the task itself.
        states_schedule: of that training.
        similar_words: copies of the training texts in which similar words stand; the teacher labels them.
    """

    schedule: Schedule | None = None
    states: Losses | None = None
    states_schedule: Schedule = field(default_factory=lambda: Schedule(epochs=3.0, learning_rate=1e-4))
    similar_words: SimilarWords = field(default_factory=SimilarWords)

    def terms(self) -> list[Loss]:
        """The loss terms on states; none without.

        Raises:
            ConfigError: if one of them is wrong, or looks at something else.
        """
        return build_terms(self.states, ~_STATES, "looks at more than the teacher's states") if self.states else []


TRAININGS = ("states", "task")
"""Those that make up the learning of a task, in their order."""
_STATES = Requirement.HIDDEN_STATES | Requirement.ATTENTION


@dataclass(frozen=True)
class TextSettings:
    """Settings of a task on whole texts.

    Attributes:
        schedule: of training.
        limit: most tokens of an example.
        long: parts of longer texts that are read.
        temperature: of a teacher's logits.
        distill: what a student does besides, if it learns from a teacher.
        bits: of a weight of the layers while the task is learned, and afterwards; 0 leaves weights as they are.
    """

    schedule: Schedule = field(default_factory=lambda: Schedule(epochs=3.0, learning_rate=1e-4))
    limit: PositiveInt = 128
    long: Long = "head"
    temperature: PositiveFloat = 2.0
    distill: TextDistillation = later(TextDistillation())
    bits: Bits = later(0)


@dataclass(frozen=True)
class TextData(TrainingData):
    """Whole texts. Each example has one word, at its opening token."""

    @classmethod
    def read(
        cls,
        examples: Sequence[Example],
        gold: npt.NDArray[np.float32] | Longs,
        settings: TextSettings,
        student: Model,
        teacher: Model | None = None,
    ) -> TextData:
        """Tokenize texts with (texts,) gold classes or numbers.

        Args:
            examples: the texts.
            gold: their labels.
            settings: how much is read of each.
            student: whose tokenizer cuts them.
            teacher: the same, if its states are needed.

        Raises:
            ConfigError: if both do not read the same parts of a text.
        """
        models = [student] if teacher is None else [student, teacher]
        limit = min(settings.limit, *(model.max_length for model in models))
        readings = [read_texts(examples, model.tokenizer, limit, settings.long) for model in models]
        ours, theirs = readings[0], readings[-1]
        if not np.array_equal(ours.source, theirs.source):
            raise ConfigError("long: teacher and student read texts in different windows; choose 'head' or 'head+tail'")
        nowhere = np.zeros(len(ours.source), np.int32)
        usable = np.ones(len(ours.source), np.bool_)
        known = None if teacher is None else theirs.encoded
        return cls(ours.encoded, nowhere, nowhere, gold[ours.source], usable, ours.source, known, limit=limit)

    def _covered(self, rows: Longs, words: Longs, *sides: Tokens) -> tuple[Longs, Longs]:
        return words, np.stack([tokens.rows[:-1] for tokens in sides])


@dataclass(frozen=True)
class TaskTeacher:
    """A teacher that has learned a task, and what it says of the task's texts.

    Attributes:
        model: with a head for the task.
        copies: texts beside those of the training split, which have no gold label.
        logits: (texts, labels) what it says of the training texts, and then of the copies.
    """

    model: Model
    copies: Sequence[Example]
    logits: Logits


def learn(
    model: Model,
    data: TaskData,
    settings: TextSettings,
    seed: int,
    teacher: TaskTeacher | None = None,
    listen: Listener | None = None,
    checkpoints: Callable[[str], Checkpoints] | None = None,
    keeps_head: bool = False,
) -> Model:
    """Train a model for a task, with a head on a copy of an encoder.

    Args:
        model: whose encoder is copied.
        data: the task, with a training split.
        settings: of the task.
        seed: of the head, the batches and the dropout.
        teacher: what to learn from beside gold.
        listen: called after every step.
        checkpoints: gives the place for those of a training, ``"states"`` or ``"task"``.
        keeps_head: whether it begins with its teacher's head, rather than with a new one.

    Raises:
        ConfigError: if the teacher's head does not fit, or both do not read the same parts of a text.
    """
    learner = with_text_head(without_packed_bytes(model), data.labels, seed)
    if keeps_head and teacher is not None:
        learner = with_head_of(learner, teacher.model)
    examples, labels = _texts(data, teacher)
    places = {part: checkpoints(part) if checkpoints else None for part in TRAININGS}
    schedule, taught = settings.schedule, None
    terms: list[Loss] = [CrossEntropy() if data.labels else SquaredError()]
    if teacher is not None:
        schedule = settings.distill.schedule or schedule
        terms.append(WordLogitsKL(temperature=settings.temperature) if data.labels else TeacherError())
        if of_states := settings.distill.terms():
            pairs = TextData.read(examples, labels, settings, learner, teacher.model)
            how, live = settings.distill.states_schedule, LiveTeacher(teacher.model)
            train(learner, pairs, of_states, how, seed, live, listen, places["states"])
    read = TextData.read(examples, labels, settings, learner)
    if teacher is not None:
        taught = CachedLogits(torch.from_numpy(teacher.logits)[read.word_ids])
    bits = constraint(learner, settings.bits)
    train(learner, read, terms, schedule, seed, taught, listen, places["task"], constraint=bits)
    learner.network.to("cpu")  # type: ignore[arg-type]
    return with_rounded_embeddings(learner, settings.bits)


def _texts(data: TaskData, teacher: TaskTeacher | None) -> tuple[list[Example], npt.NDArray[np.float32] | Longs]:
    """The training texts and their gold labels; copies follow, which have none."""
    labels = gold(data, "train")
    if teacher is None:
        return [*data.splits["train"]], labels
    unknown = np.full(len(teacher.copies), IGNORED if data.labels else np.nan, labels.dtype)
    return [*data.splits["train"], *teacher.copies], np.concatenate((labels, unknown))


def gold(data: TaskData, split: str) -> npt.NDArray[np.float32] | Longs:
    """Return the (texts,) gold classes, or numbers."""
    labels = [example.label for example in data.splits[split]]
    return np.array(labels, np.int64) if data.labels else np.array(labels, np.float32)


def scores(
    model: Model,
    examples: Sequence[Example],
    settings: TextSettings,
    precision: str = "fp32",
    listen: Listener | None = None,
) -> tuple[Logits, int]:
    """Return (texts, labels) logits, averaged over windows, and the number of texts longer than the limit.

    Args:
        model: with a head for the task.
        examples: the texts.
        settings: how much is read of each.
        precision: as in ``Schedule``.
        listen: called after every batch.
    """
    limit = min(settings.limit, model.max_length)
    reading = read_texts(examples, model.tokenizer, limit, settings.long)
    encoded = reading.encoded
    example_of_token = np.repeat(np.arange(len(reading.source)), encoded.lengths)
    is_opening = np.zeros(len(example_of_token), np.bool_)
    is_opening[encoded.first] = True
    total = np.zeros((len(examples), len(model.labels)), np.float32)
    for at, side in read(on_fastest_device(model), encoded, precision=precision, listen=listen):
        assert side.word_logits is not None
        opens = np.flatnonzero(is_opening[at])
        found = side.word_logits.float().cpu().numpy()[opens]
        np.add.at(total, reading.source[example_of_token[at[opens]]], found)
    parts = np.bincount(reading.source, minlength=len(examples)).astype(np.float32)
    return total / parts[:, None], reading.too_long


def answers(scored: Logits, data: TaskData) -> npt.NDArray[np.float64]:
    """Return the (texts,) most likely classes, or the numbers."""
    return scored.argmax(axis=1).astype(np.float64) if data.labels else scored[:, 0].astype(np.float64)
