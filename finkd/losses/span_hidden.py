"""Distillation of hidden states between models that cut the text differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from corpora.errors import ConfigError
from finkd.losses.term import Outputs


@dataclass(frozen=True)
class SpanHidden:
    """sum_j m_j |h_S,j - sum_i A_ji h_T,i|^2 / sum_j m_j |sum_i A_ji h_T,i|^2, averaged over the mapped layers.

    A_ji is the share of student piece j's characters that teacher piece i covers, and m_j is 1 where any does. The
    denominator makes the term independent of a layer's scale. Hidden-state distillation follows TinyBERT (Jiao et al.,
    arXiv 1909.10351, equations 8 and 9); the pooling is finkd's.

    Attributes:
        weight: factor in the sum of all terms.
        layers: pairs (student layer, teacher layer), 0 being the embeddings; empty maps the layers evenly, last to
            last.
    """

    weight: float = 1.0
    layers: tuple[tuple[int, int], ...] = ()
    needs: ClassVar[frozenset[str]] = frozenset({"hidden"})

    def __call__(self, outputs: Outputs) -> Tensor:
        """Scalar; 0 if no student piece is covered.

        Raises:
            ConfigError: if a mapped layer does not exist, or the models are not equally wide.
        """
        assert outputs.covered is not None
        mask = outputs.covered.unsqueeze(-1)
        terms = []
        for student, teacher in self._pairs(len(outputs.student_hidden), len(outputs.teacher_hidden)):
            state, target = outputs.student_hidden[student].float(), outputs.teacher_hidden[teacher].float()
            if state.shape != target.shape:
                raise ConfigError(
                    f"losses.span-hidden: teacher and student must be equally wide (got {target.shape[1]} and "
                    f"{state.shape[1]})"
                )
            difference = (state - target) * mask
            terms.append(difference.square().sum() / (target * mask).square().sum().clamp(min=1e-6))
        return torch.stack(terms).mean()

    def _pairs(self, student: int, teacher: int) -> tuple[tuple[int, int], ...]:
        """The mapped layers, given how many states (layers + 1) each side has."""
        for pair in self.layers:
            if not (0 <= pair[0] < student and 0 <= pair[1] < teacher):
                raise ConfigError(
                    f"losses.span-hidden.layers: expected pairs within (0..{student - 1}, 0..{teacher - 1}) "
                    f"(got {list(pair)})"
                )
        return self.layers or even_layers(student, teacher)


def even_layers(student: int, teacher: int) -> tuple[tuple[int, int], ...]:
    """Pairs that map the student's layers evenly onto the teacher's: (layers + 1) states each, embeddings first.

    With 3 and 6 layers: (0, 0), (1, 2), (2, 4), (3, 6), TinyBERT's uniform map.
    """
    return tuple((layer, round(layer * (teacher - 1) / (student - 1))) for layer in range(student))
