"""The base class of loss terms, and the model outputs that they read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Flag, auto

from torch import Tensor

from finkd.losses.alignment import BatchAlignment
from finkd.losses.vocabularies import Vocabularies
from finkd.models.heads import FactoredLogits
from finkd.models.shape import Shape


class Requirement(Flag):
    """Outputs that a loss term reads beside the student's own word logits.

    Attributes:
        NONE: nothing more.
        LABELS: gold label ids.
        WORD_LOGITS: the teacher's label logits of words.
        SEQUENCES: which words make a sentence, and which labels may follow which.
        HIDDEN_STATES: of both models, of each layer.
        ATTENTION: queries, keys and values of both models, of each layer.
        MLM_LOGITS: text is masked for both models; logits of both masked-LM heads at the masked tokens.
        MLM_LOGITS_EVERYWHERE: text is masked for both models; both masked-LM heads at every token.
        EMBEDDINGS: token embeddings of both models.
    """

    NONE = 0
    LABELS = auto()
    WORD_LOGITS = auto()
    HIDDEN_STATES = auto()
    ATTENTION = auto()
    MLM_LOGITS = auto()
    MLM_LOGITS_EVERYWHERE = auto()
    EMBEDDINGS = auto()
    SEQUENCES = auto()


OF_WORDS = Requirement.LABELS | Requirement.WORD_LOGITS | Requirement.SEQUENCES
"""Requirements for which a teacher's labels are enough."""
MASKING = Requirement.MLM_LOGITS | Requirement.MLM_LOGITS_EVERYWHERE
"""Requirements for which text is masked for both models."""


@dataclass(frozen=True)
class ModelOutputs:
    """Outputs of one model for a batch; those that no active loss term requires are absent.

    Words and tokens are flat over the batch, so padding never enters a loss.

    Attributes:
        word_logits: (words, labels) label logits at each word's first token.
        hidden_states: embeddings and each layer's hidden states, (tokens, width) each.
        attention: queries, keys and values of each layer, (3, tokens, width) each, heads side by side.
        attention_heads: heads of a layer; 0 if layers differ in it.
        mlm_logits: (masked tokens, vocabulary) of the masked-LM head.
        mlm_logits_everywhere: the masked-LM head at all tokens that lie in a chunk, masked or not.
        embeddings: (tokens, width) token embeddings.
    """

    word_logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] = ()
    attention: tuple[Tensor, ...] = ()
    attention_heads: int = 1
    mlm_logits: Tensor | None = None
    mlm_logits_everywhere: FactoredLogits | None = None
    embeddings: Tensor | None = None


def _same(states: Tensor) -> Tensor:
    return states


@dataclass(frozen=True)
class Sequences:
    """Sentences of a batch, as sequences of labels.

    Attributes:
        numbers: (words,) number of the sequence of each word; those of one stand side by side.
        goes_on: (words,) True for the first word of a sequence that is the rest of a longer one; it may have any label.
        before: (labels, most) labels that each ``I-`` may follow, filled up with -1 (``grammar.transitions``).
        free: (labels,) True for all other labels, which may follow any and begin a sentence.
    """

    numbers: Tensor
    goes_on: Tensor
    before: Tensor
    free: Tensor


@dataclass(frozen=True)
class StepOutputs:
    """Outputs of both models for one batch, as loss terms read them.

    Attributes:
        student: outputs of the student.
        teacher: outputs of the teacher, without gradients.
        labels: (words,) gold label ids, -100 where there is none.
        sequences: the sentences of the words.
        alignment: alignment of both models' tokens.
        vocabularies: how the entries of both vocabularies correspond.
        project: (tokens, student width) -> (tokens, teacher width): a learnt linear map where the widths differ.
    """

    student: ModelOutputs
    teacher: ModelOutputs = field(default_factory=ModelOutputs)
    labels: Tensor | None = None
    sequences: Sequences | None = None
    alignment: BatchAlignment | None = None
    vocabularies: Vocabularies | None = None
    project: Callable[[Tensor], Tensor] = _same


@dataclass(frozen=True)
class Loss(ABC):
    """A weighted term of the training loss: a frozen dataclass, so that a config is a term.

    Attributes:
        weight: factor in the sum of all terms.
    """

    weight: float = 1.0

    @property
    @abstractmethod
    def requires(self) -> Requirement:
        """Parts of ``StepOutputs`` that must be there."""

    @abstractmethod
    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Return the unweighted term, a scalar; 0 with finite gradients if nothing in the batch counts."""

    def check(self, student: Shape, teacher: Shape) -> None:  # noqa: B027 - most terms compare every two models
        """Check that the term can compare models of two shapes, before any training.

        Raises:
            ConfigError: if it cannot.
        """
