"""What a loss term is and what it may look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from finkd.losses.alignment import Aligned
from finkd.losses.vocabularies import Vocabularies
from finkd.models.masked_lm import Guesses


@dataclass(frozen=True)
class Side:
    """What one model computed; parts that no active term needs are absent.

    Words and tokens are flat over the batch, so padding never enters a loss.

    Attributes:
        words: (words, labels) scores at each word's first token.
        hidden: embeddings and each layer's states, (tokens, width) each.
        attention: queries, keys and values of each layer, (3, tokens, width) each, heads side by side.
        heads: attention heads of a layer; 0 if layers differ in it.
        masked: (masked tokens, vocabulary) scores of the masked-LM head.
        everywhere: the masked-LM head at all tokens that lie in a chunk, hidden or not.
        embeddings: (vocabulary, width) token embeddings.
    """

    words: Tensor | None = None
    hidden: tuple[Tensor, ...] = ()
    attention: tuple[Tensor, ...] = ()
    heads: int = 1
    masked: Tensor | None = None
    everywhere: Guesses | None = None
    embeddings: Tensor | None = None


def _same(states: Tensor) -> Tensor:
    return states


@dataclass(frozen=True)
class Outputs:
    """Everything that a training step computed.

    Attributes:
        student: the student's side.
        teacher: the teacher's, without gradients.
        labels: (words,) gold label ids, -100 where there is none.
        aligned: how the tokens of both sides lie over each other.
        vocabularies: how the entries of both vocabularies correspond.
        project: (tokens, student width) -> (tokens, teacher width): a learnt linear map where the widths differ.
    """

    student: Side
    teacher: Side = field(default_factory=Side)
    labels: Tensor | None = None
    aligned: Aligned | None = None
    vocabularies: Vocabularies | None = None
    project: Callable[[Tensor], Tensor] = _same


NEEDS = frozenset({"labels", "words", "hidden", "attention", "masked", "everywhere", "embeddings"})
"""What a term may ask for, beside the student's own scores of words:

``labels``: gold; ``words``: the teacher's scores of words; ``hidden``, ``attention``, ``embeddings``: of both sides;
``masked``: text hidden from both models, and the scores of both masked-LM heads there; ``everywhere``: the same text,
and both heads at every token.
"""


HIDING = frozenset({"masked", "everywhere"})
"""Needs for which text is hidden from both models."""


class Loss(Protocol):
    """A weighted term of the training loss. Implementations are frozen dataclasses, so that a config is a term.

    Attributes:
        weight: factor in the sum of all terms.
        needs: which parts of ``Outputs`` must be there, from ``NEEDS``.
    """

    @property
    def needs(self) -> frozenset[str]:
        """Which parts of ``Outputs`` must be there, from ``NEEDS``."""

    @property
    def weight(self) -> float:
        """Factor in the sum of all terms."""

    def __call__(self, outputs: Outputs) -> Tensor:
        """The unweighted term, a scalar; 0 with finite gradients when nothing in the batch counts."""
