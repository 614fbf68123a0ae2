"""Losses of masked-LM heads, computed for a few tokens at a time.

The logits of a whole batch over a vocabulary of 30,000 entries take a gigabyte and several passes over it, which is
most of the time of a training step on a CPU. A divergence and its gradient need them only one token at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from finkd.models.heads import FactoredLogits

Target = Callable[[Tensor], Tensor]
"""(tokens, teacher vocabulary) probabilities -> (tokens, student vocabulary), rows summing to at most 1."""

_SCORES_AT_ONCE = 1 << 23
"""Logits of one block: small beside a model, and few blocks, since each adds to the gradient of all weights."""
_SCORES_IN_CACHE = 1 << 18
"""Logits of one softmax on a CPU: its passes over memory are fast while the rows stay in the cache."""


@dataclass(frozen=True)
class SelectedLogits:
    """Logits of a masked-LM head, of which a loss reads some rows.

    Attributes:
        logits: (tokens, vocabulary).
        rows: (chosen,) the tokens that are read, none twice.
    """

    logits: Tensor
    rows: Tensor


def divergence(student: FactoredLogits, teacher: FactoredLogits, target: Target, temperature: float) -> Tensor:
    """tau^2 sum_k w_k KL(q_k || p_k) / sum_k w_k over tokens k, in memory that does not grow with their number.

    p = softmax(z_S / tau), q w = target(softmax(z_T / tau)), and w is the mass of a row of the target. Gradients reach
    the student's states, weight and bias; they are computed along with the value.

    Args:
        student: at tokens that correspond to the teacher's.
        teacher: without gradients.
        target: maps the teacher's distributions to the student's vocabulary.
        temperature: tau, above 0.

    Returns:
        scalar float32; 0 without tokens.
    """
    inputs = states, weight, bias = student.states, student.weight, student.bias
    total, mass = states.new_zeros(2, dtype=torch.float32)
    gradients = [torch.zeros_like(each, dtype=torch.float32) for each in inputs]
    with torch.no_grad():
        for block in _slices(len(states), _SCORES_AT_ONCE // max(len(weight), len(teacher.weight))):
            # Student logits, which their gradients replace row by row.
            logit_gradients = functional.linear(states[block] / temperature, weight, bias / temperature)
            teacher_logits = functional.linear(
                teacher.states[block] / temperature, teacher.weight, teacher.bias / temperature
            )
            for few in _slices(len(logit_gradients), _rows_in_cache(logit_gradients, teacher_logits)):
                value, weights, gradient = _compare(logit_gradients[few].float(), teacher_logits[few].float(), target)
                total += value
                mass += weights
                gradients[2] += gradient.sum(dim=0)
                logit_gradients[few] = gradient
            gradients[0][block] = (logit_gradients @ weight).float()
            gradients[1] += (logit_gradients.t() @ states[block]).float()
        scale = temperature / mass.clamp(min=1e-9)
        rounded = [each.mul_(scale).to(states.dtype) for each in gradients]
    return _with_gradients(temperature * scale * total, rounded, inputs)


def score_divergence(student: SelectedLogits, teacher: SelectedLogits, target: Target, temperature: float) -> Tensor:
    """Compute ``divergence`` from logits that exist already, since other terms need them too.

    Returns:
        scalar float32; 0 without tokens.
    """
    logits = student.logits
    total, mass = logits.new_zeros(2, dtype=torch.float32)
    logit_gradients = torch.zeros_like(logits)
    with torch.no_grad():
        for few in _slices(len(student.rows), _rows_in_cache(logits, teacher.logits)):
            at = student.rows[few]
            # Selecting and copying rows by index_... takes a fifth of what plain indexing does in bf16.
            ours, theirs = logits.index_select(0, at), teacher.logits.index_select(0, teacher.rows[few])
            value, weights, gradient = _compare(
                ours.float().div_(temperature), theirs.float().div_(temperature), target
            )
            total += value
            mass += weights
            logit_gradients.index_copy_(0, at, gradient.to(logit_gradients.dtype))
    scale = temperature / mass.clamp(min=1e-9)
    return _with_gradients(temperature * scale * total, [logit_gradients], [logits], scale)


def cross_entropy(logits: Tensor, ids: Tensor) -> Tensor:
    """Sum of -log p(id) over tokens.

    Args:
        logits: (tokens, vocabulary) of a masked-LM head.
        ids: (tokens,) the right entries.

    Returns:
        scalar float32; 0 without tokens.
    """
    total = logits.new_zeros((), dtype=torch.float32)
    logit_gradients = torch.empty_like(logits)
    with torch.no_grad():
        for few in _slices(len(ids), _rows_in_cache(logits)):
            log_p = functional.log_softmax(logits[few].float(), dim=-1)
            at = ids[few].unsqueeze(1)
            total -= log_p.gather(1, at).sum()
            logit_gradients[few] = log_p.exp_().scatter_add_(1, at, torch.full_like(at, -1, dtype=torch.float32))
    return _with_gradients(total, [logit_gradients], [logits])


def _with_gradients(
    value: Tensor, gradients: Sequence[Tensor], inputs: Sequence[Tensor], scale: Tensor | None = None
) -> Tensor:
    """Return a value of which ``scale`` times ``gradients`` are the gradients by ``inputs``."""
    scale = torch.ones_like(value) if scale is None else scale
    return _WithGradients.apply(value, scale, gradients, *inputs)  # type: ignore[no-untyped-call,no-any-return]


class _WithGradients(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, scale: Tensor, gradients: Sequence[Tensor], *inputs: Tensor) -> Tensor:
        """Keep the gradients."""
        ctx.save_for_backward(scale, *gradients)
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> Any:
        """Multiply the kept gradients with that of the loss."""
        scale, *gradients = ctx.saved_tensors
        return None, None, None, *(each * (scale * outer[0]).to(each.dtype) for each in gradients)


def _rows_in_cache(*logits: Tensor) -> int:
    """Return how many rows to compare at once."""
    elements = _SCORES_IN_CACHE if logits[0].device.type == "cpu" else _SCORES_AT_ONCE
    return elements // max(each.shape[-1] for each in logits)


def _slices(length: int, size: int) -> Iterator[slice]:
    size = max(1, size)
    return (slice(start, start + size) for start in range(0, length, size))


def _compare(ours: Tensor, theirs: Tensor, target: Target) -> tuple[Tensor, Tensor, Tensor]:
    """Return sum_k w_k KL(q_k || p_k), sum_k w_k, and the gradient of the first by the student's logits.

    Args:
        ours: (tokens, vocabulary) the student's logits, divided by the temperature.
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
