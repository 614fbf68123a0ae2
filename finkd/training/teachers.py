"""Sources of teacher outputs: a live model, cached logits or cached hidden states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from finkd.losses.term import ModelOutputs
from finkd.models.model import Model
from finkd.tokenization.tokens import Longs
from finkd.training.teacher_states import States


class Teacher(Protocol):
    """Source of teacher outputs.

    Attributes:
        model: the teacher's model; ``None`` if its outputs are all that is known of it.
        word_logits: (words, labels) its label logits of all words of the data, if they were computed before.
    """

    @property
    def model(self) -> Model | None:
        """The teacher's model, if there is one."""

    @property
    def word_logits(self) -> Tensor | None:
        """(words, labels) of all words of the data, if they were computed before."""

    def read(self, rows: Longs) -> ModelOutputs | None:
        """Return cached outputs of some examples; ``None`` if there are none and the model has to run."""


@dataclass(frozen=True)
class LiveTeacher:
    """A teacher model that runs at every step.

    Attributes:
        model: the model.
        word_logits: (words, labels) of all words of the data, where labels are not those of the model.
    """

    model: Model
    word_logits: Tensor | None = None

    def read(self, rows: Longs) -> None:
        """Return nothing: no outputs are cached."""


@dataclass(frozen=True)
class CachedLogits:
    """Cached label logits of every word.

    Attributes:
        word_logits: (words, labels) of all words of the data.
    """

    word_logits: Tensor
    model: None = None

    def read(self, rows: Longs) -> None:
        """Return nothing: logits are looked up by word, not by example."""


@dataclass(frozen=True)
class CachedHiddenStates:
    """Cached hidden states of every token, read from disk; the model is not run.

    Attributes:
        model: the model, for its vocabulary and its embeddings.
        states: its hidden states.
        word_logits: (words, labels) of all words of the data, if a term compares them.
    """

    model: Model
    states: States
    word_logits: Tensor | None = None

    def read(self, rows: Longs) -> ModelOutputs:
        """Return the hidden states of some examples."""
        return self.states.side(rows)
