"""What a loss term is and what it may look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from torch import Tensor


@dataclass(frozen=True)
class Outputs:
    """Everything that a training step computed; absent parts are those that no active term needs.

    Words and pieces are flat over the batch, so padding never enters a loss.

    Attributes:
        student_logits: (words, labels).
        labels: (words,) gold label ids, -100 where there is none.
        teacher_logits: (words, labels) of the same words.
        student_hidden: embeddings and each layer's states, (pieces, width) each.
        teacher_hidden: embeddings and each layer's states of the teacher, averaged over the characters of each student
            piece, (pieces, teacher width) each.
        covered: (pieces,) True where a teacher piece overlaps the student's.
    """

    student_logits: Tensor
    labels: Tensor
    teacher_logits: Tensor | None = None
    student_hidden: tuple[Tensor, ...] = ()
    teacher_hidden: tuple[Tensor, ...] = ()
    covered: Tensor | None = None


class Loss(Protocol):
    """A weighted term of the training loss. Implementations are frozen dataclasses, so that a config is a term.

    Attributes:
        weight: factor in the sum of all terms.
        needs: which parts of ``Outputs`` must be there: ``"teacher_logits"``, ``"hidden"``.
    """

    needs: ClassVar[frozenset[str]]

    @property
    def weight(self) -> float:
        """Factor in the sum of all terms."""

    def __call__(self, outputs: Outputs) -> Tensor:
        """The unweighted term, a scalar; 0 with finite gradients when nothing in the batch counts."""
