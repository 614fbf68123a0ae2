"""Training a classifier of whole texts, or a regressor, and asking it, through the loop that trains taggers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from pydantic import PositiveFloat, PositiveInt

from finkd.corpora.tasks.task import Example, TaskData
from finkd.data.batches import TrainingData
from finkd.inference.prediction import read
from finkd.losses.cross_entropy import CrossEntropy
from finkd.losses.term import Loss
from finkd.losses.word_logits_kl import WordLogitsKL
from finkd.models.heads import with_text_head
from finkd.models.model import Model
from finkd.progress import Listener
from finkd.suites.losses import SquaredError, TeacherError
from finkd.suites.reading import Long, Reading, read_texts
from finkd.tokenization.tokenizer import Longs, Tokens
from finkd.training.schedule import Schedule
from finkd.training.teachers import CachedLogits
from finkd.training.trainer import train

SelectedLogits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TextSettings:
    """How a model learns a task on whole texts.

    Attributes:
        schedule: how long and how fast.
        limit: most tokens of an example.
        long: what is read of longer texts.
        temperature: of a teacher's classes, where there is a teacher.
    """

    schedule: Schedule = field(default_factory=lambda: Schedule(epochs=3, learning_rate=1e-4))
    limit: PositiveInt = 128
    long: Long = "head"
    temperature: PositiveFloat = 2.0


@dataclass(frozen=True)
class TextData(TrainingData):
    """Whole texts. Each example has one word that stands for all of it, at the token that opens it."""

    @classmethod
    def read(cls, reading: Reading, labels: npt.NDArray[np.float32] | Longs, limit: int) -> TextData:
        """Texts as a student reads them.

        Args:
            reading: the texts.
            labels: (texts,) classes or numbers.
            limit: most tokens of an example.
        """
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
    taught: SelectedLogits | None = None,
    listen: Listener | None = None,
) -> Model:
    """A model of a task, with a new head on a copy of an encoder.

    Args:
        model: whose encoder is copied.
        data: the task; its training split is learnt.
        settings: how.
        seed: of the head, the batches and the dropout.
        taught: (texts, labels) a teacher's scores of the training texts, learnt from beside gold.
        listen: called after every step.
    """
    learner = with_text_head(model, data.labels, seed)
    limit = min(settings.limit, learner.max_length)
    reading = read_texts(data.splits["train"], learner.tokenizer, limit, settings.long)
    examples = TextData.read(reading, gold(data, "train"), limit)
    teacher = None if taught is None else CachedLogits(torch.from_numpy(taught[reading.source]))
    train(learner, examples, _losses(data, settings, taught), settings.schedule, seed, teacher, listen)
    learner.network.to("cpu")  # type: ignore[arg-type]  # wherever it was trained
    return learner


def _losses(data: TaskData, settings: TextSettings, taught: SelectedLogits | None) -> list[Loss]:
    if data.labels:
        return [CrossEntropy(), *([WordLogitsKL(temperature=settings.temperature)] if taught is not None else [])]
    return [SquaredError(), *([TeacherError()] if taught is not None else [])]


def gold(data: TaskData, split: str) -> npt.NDArray[np.float32] | Longs:
    """(texts,) what is right: classes, or numbers."""
    labels = [example.label for example in data.splits[split]]
    return np.array(labels, np.int64) if data.labels else np.array(labels, np.float32)


def scores(model: Model, examples: Sequence[Example], settings: TextSettings) -> tuple[SelectedLogits, int]:
    """(texts, labels) scores, of windows averaged, and how many texts were longer than the model reads."""
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


def answers(scored: SelectedLogits, data: TaskData) -> npt.NDArray[np.float64]:
    """(texts,) what the scores say: the likeliest class, or the number itself."""
    return scored.argmax(axis=1).astype(np.float64) if data.labels else scored[:, 0].astype(np.float64)
