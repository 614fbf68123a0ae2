"""Distil masked-LM logits across vocabularies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from pydantic import NonNegativeInt, PositiveFloat
from torch import Tensor
from torch.nn import functional

from finkd.losses.alignment import MaskedText
from finkd.losses.blockwise import SelectedLogits, divergence, score_divergence
from finkd.losses.term import Loss, Requirement, StepOutputs


@dataclass(frozen=True)
class MaskedProjection(Loss):
    """tau^2 sum_k w_k KL(q_k || p_S,k) / sum_k w_k, with q_k the teacher's distribution, projected by P.

    q_k = top-n(softmax(z_T / tau)) P, renormalised; w_k is its mass before that. Row t of P spells teacher entry t in
    student entries, the first one most (weights 0.1^i, as in X-Token). Only chunks that are one token on both sides
    count, since one position must say all of what the other says. Under one vocabulary this is plain distillation at
    the masked positions, or at all of them.

    Attributes:
        temperature: tau, above 0.
        top_k: n, how many of the teacher's most likely tokens are projected; 0 takes all, which saves finding them.
        positions: ``"masked"`` ones, or ``"all"`` as in DistilBERT, where the vocabulary costs more than the encoder.
    """

    temperature: PositiveFloat = 2.0
    top_k: NonNegativeInt = 0
    positions: Literal["masked", "all"] = "masked"

    @property
    def requires(self) -> Requirement:
        """MLM logits of both models at masked tokens, or everywhere."""
        return Requirement.MLM_LOGITS if self.positions == "masked" else Requirement.MLM_LOGITS_EVERYWHERE

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar; 0 if no chunk is one token on both sides."""
        if self.positions == "all":
            return self._everywhere(outputs)
        student, teacher, masked = mlm_logits(outputs)
        single = single_tokens(masked).nonzero(as_tuple=True)[0]
        ours, theirs = SelectedLogits(student, single), SelectedLogits(teacher, masked.first_teacher[single])
        return score_divergence(ours, theirs, lambda target: self._projected(target, outputs), self.temperature)

    def _everywhere(self, outputs: StepOutputs) -> Tensor:
        student, teacher = outputs.student.mlm_logits_everywhere, outputs.teacher.mlm_logits_everywhere
        assert student is not None
        assert teacher is not None
        assert outputs.alignment is not None
        assert outputs.alignment.everywhere is not None
        single = single_tokens(outputs.alignment.everywhere)
        ours, theirs = student.take(single), teacher.take(outputs.alignment.everywhere.first_teacher[single])
        return divergence(ours, theirs, lambda target: self._projected(target, outputs), self.temperature)

    def _projected(self, probabilities: Tensor, outputs: StepOutputs) -> Tensor:
        """(positions, student vocabulary) from (positions, teacher vocabulary)."""
        assert outputs.vocabularies is not None
        if 0 < self.top_k < probabilities.shape[-1]:
            likely, entries = probabilities.topk(self.top_k, dim=-1)
            probabilities = torch.zeros_like(probabilities).scatter_(1, entries, likely)
        return outputs.vocabularies.project(probabilities)


@dataclass(frozen=True)
class MaskedMarginal(Loss):
    """tau^2 sum_k w_k KL(q_k || p_S,k) / sum_k w_k, with q_k the teacher's distribution retokenized for position k.

    For position k of a masked chunk that is one teacher token,
    q_k(s) = sum of softmax(z_T / tau)_t over the teacher entries t whose spelling in student entries begins with the
    chunk's first k tokens and goes on with s. It is renormalised, and w_k is its mass before that.

    Attributes:
        temperature: tau, above 0.
    """

    temperature: PositiveFloat = 2.0
    requires: ClassVar[Requirement] = Requirement.MLM_LOGITS

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar; 0 if no masked chunk is one teacher token."""
        student, teacher, masked = mlm_logits(outputs)
        assert outputs.vocabularies is not None
        whole = masked.sizes[1][masked.student.chunk] == 1
        scores = functional.log_softmax(student[whole].float() / self.temperature, dim=-1)
        probabilities = functional.softmax(teacher[masked.first_teacher[whole]].float() / self.temperature, dim=-1)
        target = torch.zeros_like(scores)
        spelling = outputs.vocabularies.spelling
        agrees = torch.ones_like(probabilities, dtype=torch.bool)
        rank, ids, chunk = masked.student.rank[whole], masked.student.ids, masked.student.chunk
        start = torch.searchsorted(chunk, chunk[whole])
        for place in range(min(int(rank.max()) + 1 if len(rank) else 0, spelling.shape[1])):
            here, said = rank == place, spelling[:, place]
            mass = probabilities[here] * (agrees[here] & (said >= 0))
            target[here] = target[here].index_add(1, said.clamp(min=0), mass)
            later = rank > place
            # Only entries that are spelled as the text is so far can still be what stands here.
            agrees[later] &= said == ids[start[later] + place].unsqueeze(1)
        return self.temperature**2 * weighted_kl(target, scores)


@dataclass(frozen=True)
class ALM(Loss):
    """-[e^a b + (1 - e^a) log(1 - e^b)], averaged over the masked chunks: the teacher's chance of a chunk, kept.

    a = l_T / tau - eps and b = l_S / tau - eps, where l sums log p over the chunk's tokens: the chance of the whole
    chunk exists under every tokenizer. This is ALM (Minixhofer et al., arXiv 2503.20083, equation 5) with
    pseudo-likelihoods, which masked models give, and the entropy of e^a taken off, so that equal models cost nothing.

    Attributes:
        temperature: tau, above 0; decoders take 100, pseudo-likelihoods of few tokens far less.
    """

    temperature: PositiveFloat = 1.0
    requires: ClassVar[Requirement] = Requirement.MLM_LOGITS

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar; 0 if nothing is masked."""
        student, teacher, masked = mlm_logits(outputs)
        ours = _chunk_likelihood(student, masked.student.ids, masked.student.chunk, masked.chunks)
        theirs = _chunk_likelihood(teacher, masked.teacher.ids, masked.teacher.chunk, masked.chunks)
        a, b = theirs / self.temperature - _EPSILON, ours / self.temperature - _EPSILON
        cross = a.exp() * (b - a) + _log_not(a).exp() * (_log_not(b) - _log_not(a))
        return -cross.sum() / max(1, masked.chunks)


_EPSILON = 1e-4
"""Keeps a likelihood of one away from log 0."""


def mlm_logits(outputs: StepOutputs) -> tuple[Tensor, Tensor, MaskedText]:
    """Return the logits of both masked-LM heads at the masked tokens, and the masked text."""
    assert outputs.student.mlm_logits is not None
    assert outputs.teacher.mlm_logits is not None
    assert outputs.alignment is not None
    assert outputs.alignment.masked is not None
    return outputs.student.mlm_logits, outputs.teacher.mlm_logits, outputs.alignment.masked


def single_tokens(masked: MaskedText) -> Tensor:
    """(masked student tokens,) True for those whose chunk is one token on both sides."""
    ours, theirs = masked.sizes
    return ((ours == 1) & (theirs == 1))[masked.student.chunk]


def weighted_kl(target: Tensor, scores: Tensor) -> Tensor:
    """Mean of KL(target / mass || scores) over positions, weighted by each target's mass.

    Args:
        target: (positions, entries) non-negative, rows summing to at most 1.
        scores: (positions, entries) log-probabilities.
    """
    mass = target.sum(dim=-1)
    shares = target / mass.clamp(min=1e-9).unsqueeze(-1)
    kl = functional.kl_div(scores, shares, reduction="none").sum(dim=-1)
    return (mass * kl).sum() / mass.sum().clamp(min=1e-9)


def _chunk_likelihood(scores: Tensor, ids: Tensor, chunk: Tensor, chunks: int) -> Tensor:
    """(chunks,) sum of log p over the tokens of each chunk."""
    likelihood = -functional.cross_entropy(scores.float(), ids, reduction="none")
    return likelihood.new_zeros(chunks).index_add(0, chunk, likelihood)


def _log_not(log_p: Tensor) -> Tensor:
    """log(1 - e^x) for x < 0."""
    return torch.log(-torch.expm1(log_p))
