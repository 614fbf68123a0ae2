"""What a model of whole texts is trained on, beside the terms that it shares with taggers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from finkd.losses.term import Requirement, StepOutputs


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
