"""Quantization of weights to few bits, with a scale for each group, and choice of the bits of each matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from finkd.data.batches import TrainingData
from finkd.data.sampler import plan
from finkd.losses.cross_entropy import CrossEntropy
from finkd.models.model import Model
from finkd.training.step import TrainingStep

CHOICES = (2, 3, 4, 8)
"""Possible bits of a weight."""
ENTRY = "packed_bytes"
"""Configuration entry with the bytes of a model in a file without unused bits and zeros."""

_CLIPPED = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55)
"""Shares of the largest weight of a group that are tried as its range; larger weights are cut off."""
_ITERATIONS = 20
_TOLERANCE = 1e-2


def quantized(weight: Tensor, bits: int, group: int) -> Tensor:
    """Round weights to few bits and return them as floats (symmetric, round to nearest).

    Args:
        weight: (rows, columns).
        bits: of each weight; 2 bits are -1, 0 and 1.
        group: rows with one scale (Shen et al. 2020, Q-BERT, arXiv 1909.05840, section 3.2), that of the smallest
            squared error (Choukroun et al. 2019, arXiv 1902.06822, section 3).
    """
    codes, scales = _codes(weight, bits, group)
    return (codes * scales).flatten(0, 1)[: len(weight)].to(weight.dtype)


def packed_bytes(weight: Tensor, bits: int, group: int) -> int:
    """Return the bytes of a quantized matrix: its codes without gaps, then each group's scale in fp16."""
    return -(-weight.numel() * bits // 8) + 2 * -(-len(weight) // group)


def _codes(weight: Tensor, bits: int, group: int) -> tuple[Tensor, Tensor]:
    """Return (groups, group, columns) integers and their (groups, 1, 1) scales; the last group is padded with zeros."""
    weight = weight.detach().float()
    missing = -len(weight) % group
    rows = torch.cat([weight, weight.new_zeros(missing, weight.shape[1])]).unflatten(0, (-1, group))  # type: ignore[no-untyped-call]
    largest = 2 ** (bits - 1) - 1
    whole = rows.abs().amax((1, 2), keepdim=True) / largest
    codes, scales, least = torch.zeros_like(rows), whole, torch.full_like(whole, torch.inf)
    for share in _CLIPPED:
        tried = (share * whole).half().float().clamp_min(torch.finfo(torch.half).tiny)
        found = (rows / tried).round().clamp(-largest, largest)
        error = (found * tried - rows).square().sum((1, 2), keepdim=True)
        codes, scales = torch.where(error < least, found, codes), torch.where(error < least, tried, scales)
        least = torch.minimum(error, least)
    return codes, scales


def sensitivities(
    model: Model, data: TrainingData, names: Sequence[str], batch_tokens: int, seed: int
) -> dict[str, float]:
    """Compute the sensitivity of the loss to each matrix: |mean| + deviation of its Hessian's largest eigenvalue.

    Mean and deviation are over batches; eigenvalues are found by power iteration on Hessian-vector products (Q-BERT,
    section 3.1).
    """
    step = TrainingStep(model, None, [CrossEntropy()], None, torch.device("cpu"), "fp32", apart=True).train(False)
    step.network.set_attn_implementation("eager")  # fused kernels have no second derivative
    weights = dict(step.network.named_parameters())
    chosen = [weights[name] for name in names]
    random = torch.Generator().manual_seed(seed)
    # Eigenvectors change little between batches: power iteration starts at those of the last batch.
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
    """Return the largest eigenvalue and its vector, by power iteration from a vector."""
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
    """Choose the bits of each matrix, ``mean`` on average over all weights.

    All start with the fewest bits; the matrix whose cost falls most per added bit gets the next step. The cost is the
    sensitivity times the squared rounding error (Dong et al. 2020, HAWQ-V2, arXiv 1911.03852, eq. 4, with the largest
    eigenvalue in place of the mean one).

    Args:
        weights: matrices by name.
        sensitive: sensitivity of each.
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
    """Constraint that rounds matrices to few bits during training (quantization-aware training).

    Args:
        bits: of each matrix, by name.
        group: as for ``quantized``.
    """

    def __init__(self, bits: Mapping[str, int], group: int) -> None:
        self.bits, self.group = dict(bits), group

    @property
    def names(self) -> frozenset[str]:
        """Names of the matrices."""
        return frozenset(self.bits)

    def observe_gradients(self, free: Mapping[str, Tensor]) -> None:
        """Ignore gradients."""

    def apply(self, free: Mapping[str, Tensor], done: float) -> dict[str, Tensor]:
        """Return the rounded matrices."""
        return {name: quantized(free[name], bits, self.group) for name, bits in self.bits.items()}

    def state(self) -> dict[str, Tensor]:
        """Return an empty state."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Restore nothing."""


def embedding_matrix(model: Model) -> str:
    """Return the parameter name of the token embeddings."""
    return next(name for name, each in model.network.named_parameters() if each is model.embeddings.weight)


def rounded(model: Model, bits: Mapping[str, int], embedding_bits: int, group: int) -> Model:
    """Round the token embeddings of a model in place, and add the configuration entry with its packed size.

    Args:
        model: whose other matrices are rounded already.
        bits: of each of these, by name.
        embedding_bits: of a token embedding.
        group: as for ``quantized``.
    """
    weights = dict(model.network.named_parameters())
    table = embedding_matrix(model)
    with torch.no_grad():
        weights[table].copy_(quantized(weights[table], embedding_bits, group))
    every = {**bits, table: embedding_bits}
    return with_packed_bytes(model, {name: packed_bytes(weights[name], each, group) for name, each in every.items()})


def with_packed_bytes(model: Model, held: Mapping[str, int]) -> Model:
    """Add the configuration entry with the packed size of a model, ``held`` bytes for the named matrices, in place."""
    rest = [each for name, each in model.network.named_parameters() if name not in held]
    total = sum(held.values()) + sum(each.numel() * each.element_size() for each in rest)
    for config in (model.network.config, model.encoder.config):
        setattr(config, ENTRY, total)
    return model


def without_packed_bytes(model: Model) -> Model:
    """Remove the entry for a stage that changes the weights, since it would be wrong afterwards."""
    if not hasattr(model.network.config, ENTRY):
        return model
    model = model.copied()
    for config in {id(each): each for each in (model.network.config, model.encoder.config)}.values():
        if hasattr(config, ENTRY):
            delattr(config, ENTRY)
    return model
