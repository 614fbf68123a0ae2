"""Published losses across vocabularies, adapted to masked-LM encoders, for comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import NonNegativeFloat, NonNegativeInt
from torch import Tensor
from torch.nn import functional

from finkd.losses.alignment import MaskedTokens, places
from finkd.losses.masked_lm_distillation import mlm_logits, single_tokens
from finkd.losses.term import Loss, Requirement, StepOutputs


@dataclass(frozen=True)
class ULD(Loss):
    """Mean over positions of sum_v |sort(p_S)_v - sort(p_T)_v|, the shorter one padded with zeros.

    Universal logit distillation (Boizard et al., arXiv 2402.12030, equation 3): no alignment, the i-th masked token of
    an example is paired with the i-th of the other side, and what is left over is dropped.

    Attributes:
        largest: how many of the largest probabilities are compared; 0 compares all.
    """

    largest: NonNegativeInt = 128
    requires: ClassVar[Requirement] = Requirement.MLM_LOGITS

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar; 0 if nothing is masked."""
        student, teacher, masked = mlm_logits(outputs)
        ours, theirs = _paired_by_index(masked.student, masked.teacher)
        p_student = functional.softmax(student[ours].float(), dim=-1)
        p_teacher = functional.softmax(teacher[theirs].float(), dim=-1)
        return sorted_distance(p_student, p_teacher, self.largest).sum() / max(1, len(ours))


@dataclass(frozen=True)
class MinED(Loss):
    """KL to the teacher's distribution, each entry moved to the student's entry of the smallest edit distance.

    MinED of FuseLLM (Wan et al., arXiv 2401.10491, section 3.3): masked chunks of one token on both sides take the
    mapped distribution, the tokens of all others the text itself as a one-hot target.
    """

    requires: ClassVar[Requirement] = Requirement.MLM_LOGITS

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar; 0 if nothing is masked."""
        student, teacher, masked = mlm_logits(outputs)
        assert outputs.vocabularies is not None
        scores = functional.log_softmax(student.float(), dim=-1)
        target = functional.one_hot(masked.student.ids, scores.shape[-1]).float()
        single = single_tokens(masked)
        probabilities = functional.softmax(teacher[masked.first_teacher[single]].float(), dim=-1)
        target[single] = torch.zeros_like(target[single]).index_add(1, outputs.vocabularies.nearest, probabilities)
        return functional.kl_div(scores, target, reduction="sum") / max(1, len(scores))


@dataclass(frozen=True)
class ULDHybrid(Loss):
    """Jensen-Shannon divergence on entries that both vocabularies hold, sorted L1 on all others, per masked chunk.

    GOLD of TRL: a chunk's distribution is that of its first token times the chances of the tokens that follow it. What
    is left to the L1 term has no names any more; in financial text most numbers fall there.

    Attributes:
        unmatched: factor of the L1 term.
        largest: how many of the largest unmatched probabilities are compared; 0 compares all.
    """

    unmatched: NonNegativeFloat = 1.0
    largest: NonNegativeInt = 128
    requires: ClassVar[Requirement] = Requirement.MLM_LOGITS

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar; 0 if nothing is masked."""
        student, teacher, masked = mlm_logits(outputs)
        assert outputs.vocabularies is not None
        ours = _merged(student, masked.student)
        theirs = _merged(teacher, masked.teacher)
        equal = outputs.vocabularies.equal
        known = equal >= 0
        free = torch.ones(ours.shape[-1], dtype=torch.bool, device=ours.device)
        free[equal[known]] = False
        matched = _jensen_shannon(ours[:, equal[known]], theirs[:, known])
        unmatched = sorted_distance(ours[:, free], theirs[:, ~known], self.largest)
        return (matched + self.unmatched * unmatched).sum() / max(1, masked.chunks)


def sorted_distance(first: Tensor, second: Tensor, largest: int) -> Tensor:
    """(rows,) L1 distance of the rows' values in falling order, the shorter one padded with zeros.

    Args:
        first: (rows, entries).
        second: (rows, other entries).
        largest: how many of each to compare; 0 compares all.
    """
    longest = max(first.shape[-1], second.shape[-1])
    count = min(largest or longest, longest)
    ours, theirs = (
        functional.pad(values := side.topk(min(count, side.shape[-1]), dim=-1).values, (0, count - values.shape[-1]))
        for side in (first, second)
    )
    return (ours - theirs).abs().sum(dim=-1)


def _paired_by_index(student: MaskedTokens, teacher: MaskedTokens) -> tuple[Tensor, Tensor]:
    """Pair the i-th masked tokens of each example; return the indices of pairs on both sides."""
    partner = torch.searchsorted(teacher.row, student.row) + places(student.row)
    within = partner < torch.searchsorted(teacher.row, student.row, right=True)
    return within.nonzero().squeeze(1), partner[within]


def _merged(scores: Tensor, tokens: MaskedTokens) -> Tensor:
    """(chunks, vocabulary) distribution of each chunk's first token, times the chances of the tokens after it."""
    log_p = functional.log_softmax(scores.float(), dim=-1)
    said = log_p.gather(1, tokens.ids.unsqueeze(1)).squeeze(1)
    opens = tokens.rank == 0
    chance = said.new_zeros(int(opens.sum())).index_add(0, tokens.chunk, said.masked_fill(opens, 0.0))
    return (log_p[opens] + chance.unsqueeze(1)).exp()


def _jensen_shannon(first: Tensor, second: Tensor) -> Tensor:
    """(rows,) with the midpoint of both as the reference; rows need not sum to one."""
    middle = ((first + second) / 2).clamp(min=_TINY).log()
    return (_against(first, middle) + _against(second, middle)) / 2


def _against(p: Tensor, log_q: Tensor) -> Tensor:
    return (p * (p.clamp(min=_TINY).log() - log_q)).sum(dim=-1)


_TINY = 1e-12
