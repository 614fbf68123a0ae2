"""Low-rank factorization of matrices by their singular values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from finkd.corpora.errors import ConfigError
from finkd.data.batches import TrainingData
from finkd.data.sampler import plan
from finkd.inference.forward import forward
from finkd.losses.term import Requirement
from finkd.models.architectures import rebuilt
from finkd.models.layer_overrides import LINEARS, linear, linear_paths
from finkd.models.model import Model

Size = tuple[int, int]
"""Number of outputs and of inputs of a matrix."""


@dataclass(frozen=True)
class Decomposition:
    """Singular value decomposition U diag(s) V of a matrix, in the metric of its inputs.

    Attributes:
        left: (out, rank) U.
        values: (rank,) s, falling.
        right: (rank, in) V, transformed back from the metric.
    """

    left: Tensor
    values: Tensor
    right: Tensor

    @property
    def gains(self) -> Tensor:
        """(rank,) share of each value in the squared norm of the output."""
        return self.values.square() / self.values.square().sum()

    @property
    def size(self) -> Size:
        """Outputs and inputs of the whole matrix."""
        return len(self.left), self.right.shape[1]

    def truncated(self, rank: int) -> tuple[Tensor, Tensor]:
        """Return (rank, in) and (out, rank) matrices whose product is the best approximation of that rank."""
        root = self.values[:rank].sqrt()
        return root[:, None] * self.right[:rank], self.left[:, :rank] * root


def decompose(weight: Tensor, moment: Tensor | None = None) -> Decomposition:
    """Decompose a matrix W; with the second moment of its inputs, W S, where S S' = E[x x'].

    Truncating W S gives the smallest E|W x - W' x|^2 of a rank (activation-aware SVD; Wang et al. 2024, SVD-LLM, arXiv
    2403.07378, section 3.1).

    Args:
        weight: (out, in).
        moment: (in, in) E[x x'] of its inputs.
    """
    weight = weight.detach().double()
    if moment is None:
        left, values, right = torch.linalg.svd(weight, full_matrices=False)
        return Decomposition(left, values, right)
    moment = moment.double()
    spread = moment.diagonal().mean().clamp_min(torch.finfo(torch.float64).tiny)
    root = torch.linalg.cholesky(moment + 1e-6 * spread * torch.eye(len(moment), dtype=torch.float64))
    left, values, right = torch.linalg.svd(weight @ root, full_matrices=False)
    return Decomposition(left, values, torch.linalg.solve_triangular(root, right, upper=False, left=False))


def highest_rank(size: Size) -> int:
    """Return the highest rank that takes fewer parameters than a whole matrix, or 1."""
    out, into = size
    return max(1, (out * into - 1) // (out + into))


def ranks_alike(sizes: Mapping[str, Size], rank: int) -> dict[str, int]:
    """Return one rank for all matrices that it makes smaller."""
    return {name: rank for name, size in sizes.items() if rank <= highest_rank(size)}


def check_smaller(ranks: Mapping[str, int]) -> None:
    """Raise ``ConfigError`` unless at least one matrix becomes smaller."""
    if not ranks:
        raise ConfigError("compress:decompose: no matrix would become smaller; choose a lower rank or energy")


def ranks_by_energy(found: Mapping[str, Decomposition], energy: float) -> dict[str, int]:
    """Return the lowest rank of each matrix that keeps a share of the squared output norm, if it takes less space."""
    ranks = {name: int((each.gains.cumsum(0) < energy - 1e-12).sum()) + 1 for name, each in found.items()}
    return {name: rank for name, rank in ranks.items() if rank <= highest_rank(found[name].size)}


def beyond_rank_one(sizes: Collection[Size], fraction: float) -> float:
    """Return how many parameters of a budget are left when each matrix has rank 1.

    Raises:
        ConfigError: if rank 1 exceeds the budget.
    """
    left = fraction * sum(out * into for out, into in sizes) - sum(out + into for out, into in sizes)
    if left < 0:
        raise ConfigError(f"compress:decompose: no rank fits a budget of {fraction:g}; choose a higher one")
    return left


def ranks_by_budget(found: Mapping[str, Decomposition], fraction: float) -> dict[str, int]:
    """Return ranks that together take a share of the matrices' parameters.

    Ranks are assigned one by one, each to the matrix whose output gains most per parameter.

    Raises:
        ConfigError: if not even rank 1 of every matrix fits.
    """
    left = beyond_rank_one([each.size for each in found.values()], fraction)
    costs = {name: sum(each.size) for name, each in found.items()}  # parameters of one more rank
    offers = [
        (float(gain) / costs[name], name)
        for name, each in found.items()
        for gain in each.gains[1 : highest_rank(each.size)]
    ]
    ranks = dict.fromkeys(found, 1)
    for _, name in sorted(offers, reverse=True):
        if costs[name] <= left:
            ranks[name] += 1
            left -= costs[name]
    return ranks


def matrices(model: Model) -> dict[str, nn.Linear]:
    """Return the matrices of all layers by ``"layer.matrix"``.

    Raises:
        ConfigError: if its layers are shared or of low rank already.
    """
    model.slim.check_whole("decompose whole ones")
    layers = enumerate(model.layers)
    return {f"{number}.{name}": linear(layer, name) for number, layer in layers for name in LINEARS}


def moments(model: Model, data: TrainingData, batch_tokens: int, seed: int) -> dict[str, Tensor]:
    """Compute the (in, in) second moment E[x x'] of each matrix's inputs, without padding."""
    total: dict[str, Tensor] = {}
    count = 0
    inputs: dict[str, Tensor] = {}  # of this batch

    def keep(name: str, module: nn.Module, given: tuple[Tensor]) -> None:
        inputs[name] = given[0]

    handles = [each.register_forward_pre_hook(partial(keep, name)) for name, each in matrices(model).items()]
    try:
        with torch.inference_mode():
            for rows in plan(data.lengths, batch_tokens, seed, 0):
                batch = data.batch(rows).student
                forward(model.network.train(False), batch, Requirement.NONE)
                count += len(batch.tokens)
                for name, states in inputs.items():
                    read = states.flatten(0, 1)[batch.tokens].double()
                    total[name] = total.get(name, 0) + read.T @ read
    finally:
        for handle in handles:
            handle.remove()
    return {name: each / count for name, each in total.items()}


def with_ranks(model: Model, found: Mapping[str, Decomposition], ranks: Mapping[str, int]) -> Model:
    """Return a copy in which each named matrix is the product of two; biases stay."""
    weights = model.network.state_dict()
    for name, rank in ranks.items():
        number, _, kind = name.partition(".")
        path = f"{model.layer_names[int(number)]}.{linear_paths(model.layers[int(number)])[kind]}"
        old = weights.pop(f"{path}.weight")
        for place, part in enumerate(found[name].truncated(rank)):
            weights[f"{path}.{place}.weight"] = part.to(old)
        weights[f"{path}.1.bias"] = weights.pop(f"{path}.bias")
    return rebuilt(model, replace(model.slim, ranks=dict(ranks)), weights)
