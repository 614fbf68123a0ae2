"""Masked language modelling: the student predicts masked tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from finkd.losses.blockwise import cross_entropy
from finkd.losses.term import Loss, Requirement, StepOutputs


@dataclass(frozen=True)
class MaskedLM(Loss):
    """-log p_S(token), averaged over the student's masked tokens (Devlin et al., arXiv 1810.04805, section 3.1)."""

    requires: ClassVar[Requirement] = Requirement.MLM_LOGITS

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar; 0 if nothing is masked."""
        assert outputs.student.mlm_logits is not None
        assert outputs.alignment is not None
        assert outputs.alignment.masked is not None
        ids = outputs.alignment.masked.student.ids
        return cross_entropy(outputs.student.mlm_logits, ids) / max(1, len(ids))
