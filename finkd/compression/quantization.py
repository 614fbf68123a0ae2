"""Weights in few bits, in groups of their own scale, and how many bits each matrix needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from finkd.data.batches import TrainingData, plan
from finkd.losses.cross_entropy import CrossEntropy
from finkd.models.model import Model
from finkd.training.step import Step

CHOICES = (2, 3, 4, 8)
"""Bits that a weight may have."""

_ITERATIONS = 20
_TOLERANCE = 1e-2


def quantized(weight: Tensor, bits: int, group: int) -> Tensor:
    """The nearest weights that few bits can say, as floats (symmetric, round to nearest).

    Args:
        weight: (rows, columns).
        bits: of each; 2 bits are -1, 0 and 1.
        group: rows of one scale, which is such that the largest weight of a group is kept (Shen et al. 2020, Q-BERT,
            arXiv 1909.05840, section 3.2).
    """
    codes, scales = _codes(weight, bits, group)
    return (codes * scales).flatten(0, 1)[: len(weight)].to(weight.dtype)


def packed(weight: Tensor, bits: int, group: int) -> bytes:
    """The same as bytes: the codes one after the other without gaps, then each group's scale in fp16."""
    codes, scales = _codes(weight, bits, group)
    codes = codes.flatten(0, 1)[: len(weight)].flatten().to(torch.int64) + 2 ** (bits - 1) - 1
    spread = (codes[:, None] >> torch.arange(bits - 1, -1, -1)) & 1
    flat = torch.cat([spread.flatten(), torch.zeros(-spread.numel() % 8, dtype=torch.int64)]).view(-1, 8)
    values = (flat << torch.arange(7, -1, -1)).sum(1).to(torch.uint8)
    return bytes(values.numpy()) + bytes(scales.flatten().half().numpy())


def _codes(weight: Tensor, bits: int, group: int) -> tuple[Tensor, Tensor]:
    """(groups, group, columns) whole numbers, and the (groups, 1, 1) scales of their unit; missing rows are zero."""
    weight = weight.detach().float()
    missing = -len(weight) % group
    rows = torch.cat([weight, weight.new_zeros(missing, weight.shape[1])]).unflatten(0, (-1, group))  # type: ignore[no-untyped-call]
    largest = 2 ** (bits - 1) - 1
    scales = (rows.abs().amax((1, 2), keepdim=True) / largest).half().float().clamp_min(torch.finfo(torch.half).tiny)
    return (rows / scales).round().clamp(-largest, largest), scales


def sensitivities(
    model: Model, data: TrainingData, names: Sequence[str], batch_tokens: int, seed: int
) -> dict[str, float]:
    """Largest eigenvalue of the loss's Hessian in each matrix: its mean over batches, without sign, and its deviation.

    By power iteration on products of the Hessian with a vector (Q-BERT, section 3.1: what is steep needs its bits).

    Args:
        model: a tagger; not changed.
        data: labelled examples.
        names: of the matrices, as the network calls them.
        batch_tokens: tokens of one batch.
        seed: of the batches and of the first vectors.
    """
    step = Step(model, None, [CrossEntropy()], None, torch.device("cpu"), "fp32", apart=True).train(False)
    step.network.set_attn_implementation("eager")  # fused kernels have no second derivative
    weights = dict(step.network.named_parameters())
    chosen = [weights[name] for name in names]
    random = torch.Generator().manual_seed(seed)
    # A batch is about as steep in about the same direction as the last one: it begins there.
    vectors = [torch.randn(weight.shape, generator=random) for weight in chosen]
    found = []
    for rows in plan(data.lengths, batch_tokens, seed, 0):
        loss = step(data.batch(rows)).sum()
        gradients = torch.autograd.grad(loss, chosen, create_graph=True)
        pairs = [_eigenpair(*each) for each in zip(gradients, chosen, vectors, strict=True)]
        vectors = [vector for _, vector in pairs]
        found.append([value for value, _ in pairs])
    values = torch.tensor(found)
    spread = values.std(0) if len(values) > 1 else torch.zeros(len(chosen))
    return dict(zip(names, (values.mean(0).abs() + spread).tolist(), strict=True))


def _eigenpair(gradient: Tensor, weight: Tensor, vector: Tensor) -> tuple[float, Tensor]:
    """The largest eigenvalue and its vector, by power iteration from a vector."""
    vector = vector / vector.norm()
    value = 0.0
    for _ in range(_ITERATIONS):
        (product,) = torch.autograd.grad(gradient, weight, vector, retain_graph=True)
        last, value = value, float((product * vector).sum())
        norm = product.norm()
        if not norm:
            break
        vector = product / norm
        if abs(value - last) <= _TOLERANCE * abs(value):
            break
    return value, vector


def bits_by_sensitivity(
    weights: Mapping[str, Tensor], sensitive: Mapping[str, float], mean: float, group: int
) -> dict[str, int]:
    """Bits of each matrix, ``mean`` on average over all weights.

    All begin with the fewest; step by step, the matrix whose rounding costs most for each bit more gets it, where
    rounding costs its sensitivity times the square of what it changes (Dong et al. 2020, HAWQ-V2, arXiv 1911.03852, eq.
    4, with the largest eigenvalue in the place of the mean one).

    Args:
        weights: by name.
        sensitive: of each.
        mean: from the fewest to the most bits of ``CHOICES``.
        group: as for ``quantized``.
    """
    costs = {
        name: [sensitive[name] * float((weight - quantized(weight, bits, group)).square().sum()) for bits in CHOICES]
        for name, weight in weights.items()
    }
    place = dict.fromkeys(weights, 0)
    left = (mean - CHOICES[0]) * sum(weight.numel() for weight in weights.values())
    while True:
        offers = []
        for name, weight in weights.items():
            now = place[name]
            if now + 1 < len(CHOICES):
                price = (CHOICES[now + 1] - CHOICES[now]) * weight.numel()
                if price <= left:
                    offers.append(((costs[name][now] - costs[name][now + 1]) / price, name, price))
        if not offers:
            return {name: CHOICES[now] for name, now in place.items()}
        _, best, price = max(offers)
        place[best] += 1
        left -= price


class FewBits:
    """A constraint that rounds matrices to few bits while they learn (quantization-aware training).

    Args:
        bits: of each matrix, by name.
        group: as for ``quantized``.
    """

    def __init__(self, bits: Mapping[str, int], group: int) -> None:
        self.bits, self.group = dict(bits), group

    @property
    def names(self) -> frozenset[str]:
        """Of the matrices."""
        return frozenset(self.bits)

    def look(self, free: Mapping[str, Tensor]) -> None:
        """Gradients decide nothing."""

    def apply(self, free: Mapping[str, Tensor], done: float) -> dict[str, Tensor]:
        """The rounded matrices."""
        return {name: quantized(free[name], bits, self.group) for name, bits in self.bits.items()}

    def state(self) -> dict[str, Tensor]:
        """Nothing to remember."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Nothing to take back."""


def embedding_matrix(model: Model) -> str:
    """Name of the token embedding table, as the network calls it."""
    return next(name for name, each in model.network.named_parameters() if each is model.embeddings.weight)


def rest_bytes(network: nn.Module, names: Sequence[str]) -> int:
    """Bytes of all weights but some, as they are."""
    left_out = set(names)
    return sum(each.numel() * each.element_size() for name, each in network.named_parameters() if name not in left_out)
