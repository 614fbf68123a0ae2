"""Sources of teacher outputs: a live model, cached logits or cached hidden states."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from torch import Tensor

from finkd.losses.term import ModelOutputs
from finkd.models.model import Model
from finkd.tokenization.tokens import Longs
from finkd.training.teacher_states import States


class WordLogits(Protocol):
    """Label logits of all words of the data: a tensor, or what reads them from disk."""

    def __getitem__(self, words: Tensor, /) -> Tensor:
        """Return (words, labels) those of some words."""


class TeacherOutputs(Protocol):
    """Source of teacher outputs.

    Attributes:
        model: the teacher's model; ``None`` if its outputs are all that is known of it.
    """

    @property
    def model(self) -> Model | None:
        """The teacher's model, if there is one."""

    def read(self, rows: Longs, words: Tensor) -> ModelOutputs | None:
        """Return what was computed before of some examples and of some of their words; ``None`` if nothing was."""


@dataclass(frozen=True)
class LiveTeacher:
    """A teacher model that runs at every step.

    Attributes:
        model: the model.
        word_logits: of all words of the data, where labels are not those of the model.
    """

    model: Model
    word_logits: WordLogits | None = None

    def read(self, rows: Longs, words: Tensor) -> ModelOutputs | None:
        """Return the logits of some words, if they are not those of the model."""
        return None if self.word_logits is None else ModelOutputs(word_logits=self.word_logits[words])


@dataclass(frozen=True)
class CachedLogits:
    """Cached label logits of every word.

    Attributes:
        word_logits: of all words of the data.
    """

    word_logits: WordLogits
    model: None = None

    def read(self, rows: Longs, words: Tensor) -> ModelOutputs:
        """Return the logits of some words."""
        return ModelOutputs(word_logits=self.word_logits[words])


@dataclass(frozen=True)
class CachedHiddenStates:
    """Cached hidden states of every token, read from disk; the model is not run.

    Attributes:
        model: the model, for its vocabulary and its embeddings.
        states: its hidden states.
        word_logits: of all words of the data, if a term compares them.
    """

    model: Model
    states: States
    word_logits: WordLogits | None = None

    def read(self, rows: Longs, words: Tensor) -> ModelOutputs:
        """Return the hidden states of some examples, and the logits of some of their words."""
        logits = None if self.word_logits is None else self.word_logits[words]
        return replace(self.states.side(rows), word_logits=logits)
