"""Distillation of whole label sequences, for any pair of tokenizers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import PositiveFloat
from torch import Tensor
from torch.nn import functional

from finkd.losses.term import Loss, Requirement, Sequences, StepOutputs

_NEVER = -1e9


@dataclass(frozen=True)
class SequenceKL(Loss):
    """tau^2 / W * sum_s KL(p_T(y | s) || p_S(y | s)), over all legal label sequences y of each sentence s of W words.

    A model gives a legal IOB2 sequence the product of its words' probabilities, over the sum of that product for all
    legal sequences (structure-level distillation: Wang et al., arXiv 2004.03846, section 3.1, there with the k best
    sequences). All sums are exact, by the forward algorithm.

    Attributes:
        temperature: tau, above 0, by which the logits of words are divided.
    """

    temperature: PositiveFloat = 1.0
    requires: ClassVar[Requirement] = Requirement.WORD_LOGITS | Requirement.SEQUENCES

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar mean over all words of the batch; 0 without words."""
        assert outputs.student.word_logits is not None
        assert outputs.teacher.word_logits is not None
        assert outputs.sequences is not None
        student = outputs.student.word_logits.float() / self.temperature
        if not len(student):
            return student.sum()
        with torch.enable_grad():
            teacher = (outputs.teacher.word_logits.detach().float() / self.temperature).requires_grad_()
            teacher_total = log_partition(teacher, outputs.sequences).sum()
            (marginals,) = torch.autograd.grad(teacher_total, teacher)  # probability of each label at each word
        student_total = log_partition(student, outputs.sequences).sum()
        apart = (marginals * (teacher.detach() - student)).sum()
        return self.temperature**2 * (apart - teacher_total.detach() + student_total) / len(student)


def log_partition(logits: Tensor, sequences: Sequences) -> Tensor:
    """Compute the logarithm of the sum over a sentence's legal sequences of exp(sum of their labels' logits).

    Time and memory grow with words times labels: what may follow any label shares one sum over all of them.

    Args:
        logits: (words, labels), of all sentences one after the other.
        sequences: the sentences, and which labels may follow which.

    Returns:
        (sentences,) logarithms, of the sentences that have words.
    """
    _, sentence, counts = torch.unique_consecutive(sequences.numbers, return_inverse=True, return_counts=True)
    first = counts.cumsum(0) - counts
    place = torch.arange(len(logits), device=logits.device) - first[sentence]
    table = logits.new_zeros(len(counts), int(counts.max()), logits.shape[1])
    table = table.index_put((sentence, place), logits)
    before = table[:, 0] + torch.where(sequences.free | sequences.goes_on[first][:, None], 0.0, _NEVER)
    for word in range(1, table.shape[1]):
        of_type = functional.pad(before, (0, 1), value=_NEVER)[:, sequences.before].logsumexp(dim=2)
        after = table[:, word] + torch.where(sequences.free, before.logsumexp(dim=1, keepdim=True), of_type)
        before = torch.where((word < counts)[:, None], after, before)
    return before.logsumexp(dim=1)
