"""What a model of whole texts is trained on, beside the terms that it shares with taggers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from finkd.losses.term import Outputs


@dataclass(frozen=True)
class SquaredError:
    """Mean of (z_S(x) - y(x))^2 over the texts of a batch, y being gold.

    Attributes:
        weight: factor in the sum of all terms.
    """

    weight: float = 1.0
    needs: ClassVar[frozenset[str]] = frozenset({"labels"})

    def __call__(self, outputs: Outputs) -> Tensor:
        """Scalar."""
        assert outputs.student.words is not None
        assert outputs.labels is not None
        return functional.mse_loss(outputs.student.words.float().squeeze(1), outputs.labels)


@dataclass(frozen=True)
class TeacherError:
    """Mean of (z_S(x) - z_T(x))^2 over the texts of a batch.

    Attributes:
        weight: factor in the sum of all terms.
    """

    weight: float = 1.0
    needs: ClassVar[frozenset[str]] = frozenset({"words"})

    def __call__(self, outputs: Outputs) -> Tensor:
        """Scalar."""
        assert outputs.student.words is not None
        assert outputs.teacher.words is not None
        return functional.mse_loss(outputs.student.words.float(), outputs.teacher.words.float())
