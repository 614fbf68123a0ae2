"""What a masked-LM head thinks of many tokens, compared a few tokens at a time.

The scores of a whole batch over a vocabulary of 30,000 take a gigabyte and several passes over it, most of a training
step's time on a CPU. A divergence needs them only one token at a time, and so does its gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Target = Callable[[Tensor], Tensor]
"""(tokens, teacher vocabulary) probabilities -> (tokens, student vocabulary), rows summing to at most 1."""

_SCORES_AT_ONCE = 1 << 23
"""Few enough to be small beside a model, many enough that the weights' gradient is not passed over too often."""
_SCORES_IN_CACHE = 1 << 18
"""A softmax, its logarithm and their differences are passes over memory, unless their rows stay in the cache."""


@dataclass(frozen=True)
class FactoredLogits:
    """A masked-LM head at some tokens, before the vocabulary is looked at.

    Attributes:
        states: (tokens, width) what its last layer takes.
        weight: (vocabulary, width) of its last layer.
        bias: (vocabulary,) of its last layer.
    """

    states: Tensor
    weight: Tensor
    bias: Tensor

    def take(self, places: Tensor) -> FactoredLogits:
        """The same at some of the tokens."""
        return FactoredLogits(self.states[places], self.weight, self.bias)

    def entries(self, count: int) -> FactoredLogits:
        """The same of the vocabulary's first entries alone."""
        return FactoredLogits(self.states, self.weight[:count], self.bias[:count])

    def scores(self) -> Tensor:
        """(tokens, vocabulary)."""
        return functional.linear(self.states, self.weight, self.bias)


@dataclass(frozen=True)
class SelectedLogits:
    """What a masked-LM head says at some tokens.

    Attributes:
        values: (tokens, vocabulary).
        places: (chosen,) which of the tokens are meant, none twice.
    """

    values: Tensor
    places: Tensor


def divergence(student: FactoredLogits, teacher: FactoredLogits, target: Target, temperature: float) -> Tensor:
    """tau^2 sum_k w_k KL(q_k || p_k) / sum_k w_k over tokens k, in memory that does not grow with their number.

    p = softmax(z_S / tau), q w = target(softmax(z_T / tau)), and w is the mass of a row of the target. Gradients reach
    the student's states, weight and bias; they are computed along with the value.

    Args:
        student: at tokens that correspond to the teacher's.
        teacher: without gradients.
        target: takes the teacher's distributions to the student's vocabulary.
        temperature: tau, above 0.

    Returns:
        scalar float32; 0 without tokens.
    """
    parts = (student.states, student.weight, student.bias)
    return _Divergence.apply(*parts, teacher, target, temperature)  # type: ignore[no-untyped-call,no-any-return]


class _Divergence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        weight: Tensor,
        bias: Tensor,
        teacher: FactoredLogits,
        target: Target,
        temperature: float,
    ) -> Tensor:
        """The value, and its gradients beside it."""
        ours, theirs = (states.detach(), weight.detach(), bias.detach()), _parts(teacher)
        total = states.new_zeros((), dtype=torch.float32)
        mass = states.new_zeros((), dtype=torch.float32)
        gradients = [torch.zeros_like(each, dtype=torch.float32) for each in ours]
        widest = max(weight.shape[0], teacher.weight.shape[0])
        for place in _slices(len(states), _SCORES_AT_ONCE // widest):
            slopes, guesses = _scores(ours, place, temperature), _scores(theirs, place, temperature)
            for few in _slices(len(slopes), _at_once(slopes, guesses)):
                found = _compared(slopes[few].float(), guesses[few].float(), target)
                total += found[0]
                mass += found[1]
                gradients[2] += found[2].sum(dim=0)
                slopes[few] = found[2]
            gradients[0][place] = (slopes @ ours[1]).float()
            gradients[1] += (slopes.t() @ ours[0][place]).float()
        scale = temperature / mass.clamp(min=1e-9)
        ctx.save_for_backward(*(each.mul_(scale).to(states.dtype) for each in gradients))
        return temperature * scale * total

    @staticmethod
    def backward(ctx: Any, *slopes: Any) -> Any:
        """The gradients of the value, times that of the loss."""
        return *(each * slopes[0] for each in ctx.saved_tensors), None, None, None


def score_divergence(student: SelectedLogits, teacher: SelectedLogits, target: Target, temperature: float) -> Tensor:
    """``divergence`` where the scores of both sides are there already, since other terms need them too.

    Args:
        student: at tokens that correspond to the teacher's.
        teacher: without gradients.
        target: takes the teacher's distributions to the student's vocabulary.
        temperature: tau, above 0.

    Returns:
        scalar float32; 0 without tokens.
    """
    return _ScoreDivergence.apply(student.values, student.places, teacher, target, temperature)  # type: ignore[no-untyped-call,no-any-return]


class _ScoreDivergence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, scores: Tensor, places: Tensor, teacher: SelectedLogits, target: Target, temperature: float
    ) -> Tensor:
        """The value, and the gradient beside it."""
        total = scores.new_zeros((), dtype=torch.float32)
        mass = scores.new_zeros((), dtype=torch.float32)
        slopes = torch.zeros_like(scores)
        for few in _slices(len(places), _at_once(scores, teacher.values)):
            at = places[few]
            # Selecting and copying rows by index_... takes a fifth of what plain indexing does in bf16.
            ours, theirs = scores.index_select(0, at), teacher.values.index_select(0, teacher.places[few])
            found = _compared(ours.float().div_(temperature), theirs.float().div_(temperature), target)
            total += found[0]
            mass += found[1]
            slopes.index_copy_(0, at, found[2].to(slopes.dtype))
        scale = temperature / mass.clamp(min=1e-9)
        ctx.save_for_backward(slopes, scale)
        return temperature * scale * total

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The gradient of the value, times that of the loss."""
        slopes, scale = ctx.saved_tensors
        return slopes * (scale * gradients[0]).to(slopes.dtype), None, None, None, None


def cross_entropy(scores: Tensor, ids: Tensor) -> Tensor:
    """Sum of -log p(id) over tokens.

    Args:
        scores: (tokens, vocabulary) of a masked-LM head.
        ids: (tokens,) what stands there.

    Returns:
        scalar float32; 0 without tokens.
    """
    return _CrossEntropy.apply(scores, ids)  # type: ignore[no-untyped-call,no-any-return]


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scores: Tensor, ids: Tensor) -> Tensor:
        """The value, and the gradient beside it."""
        total = scores.new_zeros((), dtype=torch.float32)
        slopes = torch.empty_like(scores)
        for few in _slices(len(ids), _at_once(scores)):
            log_p = functional.log_softmax(scores[few].float(), dim=-1)
            at = ids[few].unsqueeze(1)
            total -= log_p.gather(1, at).sum()
            slopes[few] = log_p.exp_().scatter_add_(1, at, torch.full_like(at, -1, dtype=torch.float32))
        ctx.save_for_backward(slopes)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The gradient of the value, times that of the loss."""
        (slopes,) = ctx.saved_tensors
        return slopes * gradients[0].to(slopes.dtype), None


def _at_once(*scores: Tensor) -> int:
    """Rows to compare at once: few enough for the cache, where there is one to speak of."""
    elements = _SCORES_IN_CACHE if scores[0].device.type == "cpu" else _SCORES_AT_ONCE
    return elements // max(each.shape[-1] for each in scores)


def _parts(guesses: FactoredLogits) -> tuple[Tensor, Tensor, Tensor]:
    return guesses.states.detach(), guesses.weight.detach(), guesses.bias.detach()


def _slices(length: int, size: int) -> Iterator[slice]:
    size = max(1, size)
    return (slice(start, start + size) for start in range(0, length, size))


def _scores(parts: tuple[Tensor, Tensor, Tensor], place: slice, temperature: float) -> Tensor:
    """(tokens, vocabulary), divided by the temperature."""
    states, weight, bias = parts
    return functional.linear(states[place] / temperature, weight, bias / temperature)


def _compared(ours: Tensor, theirs: Tensor, target: Target) -> tuple[Tensor, Tensor, Tensor]:
    """sum_k w_k KL(q_k || p_k), sum_k w_k, and the slope of the first by the student's scores.

    Args:
        ours: (tokens, vocabulary) the student's scores, divided by the temperature.
        theirs: (tokens, teacher vocabulary) the teacher's.
        target: as for ``divergence``; row k of its value is w_k q_k.
    """
    wanted = target(functional.softmax(theirs, dim=-1))
    log_p = functional.log_softmax(ours, dim=-1)
    weights = wanted.sum(dim=-1, keepdim=True)
    # sum_j w q log(q / p), with log(w q) - log w for log q
    own = torch.dot(wanted.flatten(), wanted.clamp(min=torch.finfo(wanted.dtype).tiny).log_().flatten())
    value = own - torch.xlogy(weights, weights).sum() - torch.dot(wanted.flatten(), log_p.flatten())
    return value, weights.sum(), log_p.exp_().mul_(weights).sub_(wanted)
