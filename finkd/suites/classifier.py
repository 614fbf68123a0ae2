"""Text classification and regression, trained by the loop that trains taggers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn import functional

from finkd.corpora.tasks.task import Example, TaskData
from finkd.data.batches import TrainingData
from finkd.inference.prediction import read
from finkd.losses.cross_entropy import CrossEntropy
from finkd.losses.term import Loss, Requirement, StepOutputs
from finkd.losses.word_logits_kl import WordLogitsKL
from finkd.models.heads import with_text_head
from finkd.models.model import Model
from finkd.progress import Listener
from finkd.suites.reading import Long, Reading, read_texts
from finkd.tokenization.tokenizer import Longs, Tokens
from finkd.training.schedule import Schedule
from finkd.training.teachers import CachedLogits
from finkd.training.trainer import train

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SquaredError:
    """Mean of (z_S(x) - y(x))^2 over the texts of a batch, y being gold.

    Attributes:
        weight: factor in the sum of all terms.
    """

    weight: float = 1.0
    requires: ClassVar[Requirement] = Requirement.LABELS

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar."""
        assert outputs.student.word_logits is not None
        assert outputs.labels is not None
        return functional.mse_loss(outputs.student.word_logits.float().squeeze(1), outputs.labels)


@dataclass(frozen=True)
class TeacherError:
    """Mean of (z_S(x) - z_T(x))^2 over the texts of a batch.

    Attributes:
        weight: factor in the sum of all terms.
    """

    weight: float = 1.0
    requires: ClassVar[Requirement] = Requirement.WORD_LOGITS

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar."""
        assert outputs.student.word_logits is not None
        assert outputs.teacher.word_logits is not None
        return functional.mse_loss(outputs.student.word_logits.float(), outputs.teacher.word_logits.float())


@dataclass(frozen=True)
class TextSettings:
    """Settings of a task on whole texts.

    Attributes:
        schedule: of training.
        limit: most tokens of an example.
        long: parts of longer texts that are read.
        temperature: of a teacher's logits.
    """

    schedule: Schedule = field(default_factory=lambda: Schedule(epochs=3, learning_rate=1e-4))
    limit: PositiveInt = 128
    long: Long = "head"
    temperature: PositiveFloat = 2.0


@dataclass(frozen=True)
class TextData(TrainingData):
    """Whole texts. Each example has one word, at its opening token."""

    @classmethod
    def read(cls, reading: Reading, labels: npt.NDArray[np.float32] | Longs, limit: int) -> TextData:
        """Label tokenized texts with (texts,) classes or numbers."""
        nowhere = np.zeros(len(reading.source), np.int32)
        usable = np.ones(len(reading.source), np.bool_)
        gold = labels[reading.source]
        return cls(reading.encoded, nowhere, nowhere, gold, usable, reading.source, limit=limit)

    def _covered(self, rows: Longs, words: Longs, *sides: Tokens) -> tuple[Longs, Longs]:
        return words, np.stack([tokens.rows[:-1] for tokens in sides])


def learn(
    model: Model,
    data: TaskData,
    settings: TextSettings,
    seed: int,
    taught: Logits | None = None,
    listen: Listener | None = None,
) -> Model:
    """Train a model for a task, with a new head on a copy of an encoder.

    Args:
        model: whose encoder is copied.
        data: the task, with a training split.
        settings: of the task.
        seed: of the head, the batches and the dropout.
        taught: (texts, labels) a teacher's logits on the training texts, to learn from in addition to gold.
        listen: called after every step.
    """
    learner = with_text_head(model, data.labels, seed)
    limit = min(settings.limit, learner.max_length)
    reading = read_texts(data.splits["train"], learner.tokenizer, limit, settings.long)
    examples = TextData.read(reading, gold(data, "train"), limit)
    teacher = None if taught is None else CachedLogits(torch.from_numpy(taught[reading.source]))
    terms: list[Loss] = [CrossEntropy() if data.labels else SquaredError()]
    if taught is not None:
        terms.append(WordLogitsKL(temperature=settings.temperature) if data.labels else TeacherError())
    train(learner, examples, terms, settings.schedule, seed, teacher, listen)
    learner.network.to("cpu")  # type: ignore[arg-type]
    return learner


def gold(data: TaskData, split: str) -> npt.NDArray[np.float32] | Longs:
    """Return the (texts,) gold classes, or numbers."""
    labels = [example.label for example in data.splits[split]]
    return np.array(labels, np.int64) if data.labels else np.array(labels, np.float32)


def scores(model: Model, examples: Sequence[Example], settings: TextSettings) -> tuple[Logits, int]:
    """Return (texts, labels) logits, averaged over windows, and the number of texts longer than the limit."""
    limit = min(settings.limit, model.max_length)
    reading = read_texts(examples, model.tokenizer, limit, settings.long)
    encoded = reading.encoded
    example_of_token = np.repeat(np.arange(len(reading.source)), encoded.lengths)
    total = np.zeros((len(examples), len(model.labels)), np.float32)
    for at, side in read(model, encoded):
        assert side.word_logits is not None
        opens = np.flatnonzero(np.isin(at, encoded.first))
        found = side.word_logits.float().cpu().numpy()[opens]
        np.add.at(total, reading.source[example_of_token[at[opens]]], found)
    parts = np.bincount(reading.source, minlength=len(examples)).astype(np.float32)
    return total / parts[:, None], reading.too_long


def answers(scored: Logits, data: TaskData) -> npt.NDArray[np.float64]:
    """Return the (texts,) most likely classes, or the numbers."""
    return scored.argmax(axis=1).astype(np.float64) if data.labels else scored[:, 0].astype(np.float64)
