"""Distil hidden states across tokenizers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from finkd.losses.layers import Layers, layer_pairs
from finkd.losses.term import Loss, Requirement, StepOutputs
from finkd.models.shape import Shape


@dataclass(frozen=True)
class AlignedHiddenStates(Loss):
    """Student states h_S,j against the teacher's, averaged over the characters of each student token j.

    With t_j = sum_i A_ji h_T,i, A_ji the share of token j's characters that teacher token i covers, m_j = 1 where any
    does, and P the identity or, where the widths differ, a linear map that is learnt along (TinyBERT's W_h):

    - ``relative``: sum_j m_j |P h_S,j - t_j|^2 / sum_j m_j |t_j|^2, which does not depend on a layer's scale;
    - ``mse``: the mean over covered tokens and dimensions of (P h_S,j - t_j)^2 (TinyBERT: Jiao et al., arXiv
      1909.10351, equations 8 and 9);
    - ``cosine``: the mean over covered tokens of 1 - cos(P h_S,j, t_j) (DistilBERT: Sanh et al., arXiv 1910.01108).

    Each is averaged over the mapped layers. The pooling is finkd's; under one tokenizer A is the identity.

    Attributes:
        layers: which of the teacher's layers each of the student's learns from, the embeddings among them.
        measure: of the distance.
    """

    layers: Layers = "even"
    measure: Literal["relative", "mse", "cosine"] = "relative"
    requires: ClassVar[Requirement] = Requirement.HIDDEN_STATES

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar; 0 if no student token is covered.

        Raises:
            ConfigError: if a mapped layer does not exist.
        """
        assert outputs.alignment is not None
        pool = outputs.alignment.to_student
        distance = _DISTANCES[self.measure]
        terms = []
        for student, teacher in self.pairs(len(outputs.student.hidden_states), len(outputs.teacher.hidden_states)):
            state = outputs.project(outputs.student.hidden_states[student]).float()
            terms.append(distance(state, pool.average(outputs.teacher.hidden_states[teacher].float()), pool.covered))
        return torch.stack(terms).mean()

    def check(self, student: Shape, teacher: Shape) -> None:
        """Check before any training that the mapped layers exist; errors are those of ``pairs``."""
        self.pairs(student.layers + 1, teacher.layers + 1)

    def pairs(self, student: int, teacher: int) -> tuple[tuple[int, int], ...]:
        """Return the mapped layers, given the number of states (layers + 1) of each side.

        Raises:
            ConfigError: if a mapped layer does not exist.
        """
        return layer_pairs(self.layers, student - 1, teacher - 1, "aligned-hidden-states.layers")


def _relative(states: Tensor, targets: Tensor, covered: Tensor) -> Tensor:
    difference = (states - targets) * covered.unsqueeze(-1)
    # The targets of uncovered tokens are zero already.
    return difference.square().sum() / targets.square().sum().clamp(min=1e-6)


def _mse(states: Tensor, targets: Tensor, covered: Tensor) -> Tensor:
    difference = (states - targets) * covered.unsqueeze(-1)
    return difference.square().sum() / (covered.sum().clamp(min=1) * states.shape[-1])


def _cosine(states: Tensor, targets: Tensor, covered: Tensor) -> Tensor:
    distance = 1 - functional.cosine_similarity(states, targets, dim=-1)
    return (distance * covered).sum() / covered.sum().clamp(min=1)


_DISTANCES = {"relative": _relative, "mse": _mse, "cosine": _cosine}
