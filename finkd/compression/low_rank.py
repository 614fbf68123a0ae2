"""Two thin matrices in place of one, by its singular values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
"""StepOutputs and inputs of a matrix."""


@dataclass(frozen=True)
class Decomposition:
    """A matrix as U diag(s) V, in the metric of what it reads.

    Attributes:
        left: (out, rank) U.
        values: (rank,) s, falling.
        right: (rank, in) V, with the metric taken back.
    """

    left: Tensor
    values: Tensor
    right: Tensor

    @property
    def gains(self) -> Tensor:
        """(rank,) share of the output's square that each value adds."""
        return self.values.square() / self.values.square().sum()

    @property
    def size(self) -> Size:
        """Of the whole matrix."""
        return len(self.left), self.right.shape[1]

    @property
    def cost(self) -> int:
        """Parameters of one more rank."""
        return sum(self.size)

    @property
    def worth(self) -> int:
        """The highest rank that takes fewer parameters than the whole matrix."""
        return highest_rank(self.size)

    def cut(self, rank: int) -> tuple[Tensor, Tensor]:
        """(rank, in) and (out, rank) matrices whose product is the best one of that rank."""
        root = self.values[:rank].sqrt()
        return root[:, None] * self.right[:rank], self.left[:, :rank] * root


def decompose(weight: Tensor, moment: Tensor | None = None) -> Decomposition:
    """Singular values of a matrix W; with the moment of its inputs, those of W S, where S S' = E[x x'].

    Cutting W S loses the least of E|W x - W' x|^2 that a rank allows (activation-aware SVD; Wang et al. 2024, SVD-LLM,
    arXiv 2403.07378, section 3.1).

    Args:
        weight: (out, in).
        moment: (in, in) E[x x'] of what it reads.
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
    """The highest rank that takes fewer parameters than a whole matrix, or 1."""
    out, into = size
    return max(1, (out * into - 1) // (out + into))


def ranks_alike(sizes: Mapping[str, Size], rank: int) -> dict[str, int]:
    """The same rank for each matrix that becomes smaller by it."""
    return {name: rank for name, size in sizes.items() if rank <= highest_rank(size)}


def check_smaller(ranks: Mapping[str, int]) -> None:
    """See that at least one matrix becomes smaller.

    Raises:
        ConfigError: if none does.
    """
    if not ranks:
        raise ConfigError("compress:decompose: no matrix would become smaller; choose a lower rank or energy")


def ranks_by_energy(found: Mapping[str, Decomposition], energy: float) -> dict[str, int]:
    """The lowest rank of each matrix that keeps a share of its output's square; none where the matrix is cheaper."""
    ranks = {name: int((each.gains.cumsum(0) < energy - 1e-12).sum()) + 1 for name, each in found.items()}
    return {name: rank for name, rank in ranks.items() if rank <= found[name].worth}


def beyond_rank_one(sizes: Collection[Size], fraction: float) -> float:
    """Parameters that a share of the matrices' own leaves when each matrix has rank 1.

    Raises:
        ConfigError: if that takes more.
    """
    left = fraction * sum(out * into for out, into in sizes) - sum(out + into for out, into in sizes)
    if left < 0:
        raise ConfigError(f"compress:decompose: no rank fits a budget of {fraction:g}; choose a higher one")
    return left


def ranks_by_budget(found: Mapping[str, Decomposition], fraction: float) -> dict[str, int]:
    """Ranks that together take a share of the matrices' parameters.

    Ranks are given out one by one, each to the matrix whose output gains most for what the rank costs.

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
    """The matrices of all layers by ``"layer.matrix"``.

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
    """(in, in) E[x x'] of what each matrix reads, padding left out."""
    total: dict[str, Tensor] = {}
    count = 0
    with _seen(matrices(model)) as seen, torch.inference_mode():
        for rows in plan(data.lengths, batch_tokens, seed, 0):
            inputs = data.batch(rows).student
            forward(model.network.train(False), inputs, Requirement.NONE)
            count += len(inputs.tokens)
            for name, states in seen.items():
                read = states.flatten(0, 1)[inputs.tokens].double()
                total[name] = total.get(name, 0) + read.T @ read
    return {name: each / count for name, each in total.items()}


@contextmanager
def _seen(found: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """What the matrices have read last."""
    seen: dict[str, Tensor] = {}

    def watch(name: str) -> Any:
        return lambda module, given: seen.update({name: given[0]})

    handles = [module.register_forward_pre_hook(watch(name)) for name, module in found.items()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def with_ranks(model: Model, found: Mapping[str, Decomposition], ranks: Mapping[str, int]) -> Model:
    """A copy in which each named matrix is two of a rank; biases stay."""
    weights = model.network.state_dict()
    names = {module: name for name, module in model.network.named_modules()}
    for name, rank in ranks.items():
        number, _, kind = name.partition(".")
        layer = model.layers[int(number)]
        path = f"{names[layer]}.{getattr(parts(layer), kind)}"
        narrow, wide = found[name].cut(rank)
        kind_of = weights.pop(f"{path}.weight")
        weights |= {f"{path}.0.weight": narrow.to(kind_of), f"{path}.1.weight": wide.to(kind_of)}
        weights[f"{path}.1.bias"] = weights.pop(f"{path}.bias")
    slim = replace(Slim.of(model.network), ranks=dict(ranks))
    return Model(rebuilt(model.network, slim, weights), model.tokenizer, model.labels)
