"""Word-level distillation of label distributions, for any pair of tokenizers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import PositiveFloat
from torch import Tensor
from torch.nn import functional

from finkd.losses.term import Loss, Requirement, StepOutputs


@dataclass(frozen=True)
class WordLogitsKL(Loss):
    """tau^2 mean_w KL(softmax(z_T(w) / tau) || softmax(z_S(w) / tau)), z(w) at the word's first token.

    Words exist under every tokenizer, so teacher and student may cut them as they like. The factor tau^2 keeps the
    size of the gradient when tau changes (Hinton et al., arXiv 1503.02531, section 2).

    Attributes:
        temperature: tau, above 0.
    """

    temperature: PositiveFloat = 2.0
    requires: ClassVar[Requirement] = Requirement.WORD_LOGITS

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar mean over all words of the batch, labelled or not; 0 without words."""
        assert outputs.student.word_logits is not None
        assert outputs.teacher.word_logits is not None
        student = functional.log_softmax(outputs.student.word_logits.float() / self.temperature, dim=-1)
        teacher = functional.log_softmax(outputs.teacher.word_logits.float() / self.temperature, dim=-1)
        total = functional.kl_div(student, teacher, reduction="sum", log_target=True)
        return self.temperature**2 * total / max(1, len(student))
