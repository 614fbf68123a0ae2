"""Cross-entropy with gold labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn import functional

from finkd.losses.term import Loss, Requirement, StepOutputs


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """-log softmax(z_S(w))[y(w)], averaged over the words with a gold label.

    Attributes:
        smoothing: share of the target spread evenly over all labels.
    """

    smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    requires: ClassVar[Requirement] = Requirement.LABELS

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar mean over labelled words, 0 if there are none."""
        assert outputs.student.word_logits is not None
        assert outputs.labels is not None
        total = functional.cross_entropy(
            outputs.student.word_logits.float(), outputs.labels, reduction="sum", label_smoothing=self.smoothing
        )
        return total / (outputs.labels >= 0).sum().clamp(min=1)
