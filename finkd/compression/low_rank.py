"""Low-rank factorization of matrices by their singular values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from finkd.corpora.errors import ConfigError
from finkd.data.batches import TrainingData, plan
from finkd.inference.forward import forward
from finkd.losses.term import Requirement
from finkd.models.architectures import rebuilt
from finkd.models.layer_overrides import Slim
from finkd.models.layer_parts import LINEARS, parts
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

    @property
    def cost(self) -> int:
        """Parameters of one more rank."""
        return sum(self.size)

    @property
    def worth(self) -> int:
        """Highest rank that takes fewer parameters than the whole matrix."""
        return highest_rank(self.size)

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
    return {name: rank for name, rank in ranks.items() if rank <= found[name].worth}


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
    offers = sorted(
        ((float(gain) / each.cost, name) for name, each in found.items() for gain in each.gains[1 : each.worth]),
        reverse=True,
    )
    ranks = dict.fromkeys(found, 1)
    for _, name in offers:
        if found[name].cost <= left:
            ranks[name] += 1
            left -= found[name].cost
    return ranks


def matrices(model: Model) -> dict[str, nn.Linear]:
    """Return the matrices of all layers by ``"layer.matrix"``.

    Raises:
        ConfigError: if its layers are shared or of low rank already.
    """
    Slim.of(model.network).check_whole("decompose whole ones")
    found: dict[str, Any] = {
        f"{number}.{name}": parts(layer).linear(layer, name)
        for number, layer in enumerate(model.layers)
        for name in LINEARS
    }
    return found


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
    names = {module: name for name, module in model.network.named_modules()}
    for name, rank in ranks.items():
        number, _, kind = name.partition(".")
        layer = model.layers[int(number)]
        path = f"{names[layer]}.{getattr(parts(layer), kind)}"
        narrow, wide = found[name].truncated(rank)
        kind_of = weights.pop(f"{path}.weight")
        weights |= {f"{path}.0.weight": narrow.to(kind_of), f"{path}.1.weight": wide.to(kind_of)}
        weights[f"{path}.1.bias"] = weights.pop(f"{path}.bias")
    slim = replace(Slim.of(model.network), ranks=dict(ranks))
    return Model(rebuilt(model.network, slim, weights), model.tokenizer, model.labels)
