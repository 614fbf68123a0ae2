"""Weight sharing across layers: one set of weights, or shared factors of a tensor decomposition."""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from finkd.compression.low_rank import matrices
from finkd.corpora.errors import ConfigError
from finkd.machine.third_party import quiet
from finkd.models.architectures import rebuilt
from finkd.models.layer_overrides import LINEARS, Shared, Slim, linear_paths, modules_of_half
from finkd.models.model import Model

Start = Literal["mean", "first"]
"""Initial shared weights: the mean of the layers', or those of the first layer."""


def check_shareable(slim: Slim, layers: int, shared: Shared, start: Start) -> None:
    """Check that layers can share their weights.

    Raises:
        ConfigError: if they are shared already, of different shapes, or of low rank and so without a mean.
    """
    if slim.is_one:
        raise ConfigError("compress:tie-layers: the layers are shared already")
    if slim.ranks and start == "mean":
        raise ConfigError(
            "compress:tie-layers: matrices of low rank have no mean; share whole ones, or decompose with one rank "
            "for all (rank=) and set start=first"
        )
    slim.check_alike("compress:tie-layers", layers, shared)


def share_layers(model: Model, shared: Shared, start: Start = "mean") -> Model:
    """Return a copy whose layers share their weights (ALBERT, Lan et al. 2020, arXiv 1909.11942, section 3.1).

    It has fewer parameters and is as slow as before; distillation from the original model recovers the loss.

    Args:
        model: an encoder, with or without a head; not changed.
        shared: half of the layers, or both.
        start: initial weights.

    Raises:
        ConfigError: as for ``check_shareable``.
    """
    check_shareable(model.slim, len(model.layers), shared, start)
    weights = model.network.state_dict()
    modules = modules_of_half(model.layers[0], shared)
    for name in [name for name, _ in model.layers[0].named_parameters() if name.startswith(modules)]:
        layers = [layer.get_parameter(name).detach() for layer in model.layers]
        for prefix in model.layer_names:
            weights[f"{prefix}.{name}"] = layers[0] if start == "first" else torch.stack(layers).mean(0)
    return rebuilt(model, replace(model.slim, shared=shared), weights)


Method = Literal["tucker", "cp"]


@dataclass(frozen=True)
class Factors:
    """Factors of the matrices W_l of all layers: ``wide @ core_l @ narrow``.

    Attributes:
        wide: (out, rank).
        cores: (layers, rank, rank), or (layers, rank) diagonals.
        narrow: (rank, in).
    """

    wide: Tensor
    cores: Tensor
    narrow: Tensor

    @property
    def ranks(self) -> tuple[int, ...]:
        """Rank of the outputs and of the inputs, or that of diagonal cores."""
        return tuple(self.cores.shape[1:])


def tucker(stack: Tensor, rank: int) -> Factors:
    """Decompose along outputs and inputs (Tucker 1966; higher-order orthogonal iteration, by tensorly).

    Args:
        stack: (layers, out, in).
        rank: of outputs and inputs; at most their number.
    """
    from tensorly.decomposition import partial_tucker

    ranks = [min(rank, size) for size in stack.shape[1:]]
    (cores, (wide, into)), _ = partial_tucker(stack.double().numpy(), ranks, modes=[1, 2], random_state=0)
    return Factors(*(torch.from_numpy(np.array(each)) for each in (wide, cores, into.T)))


def cp(stack: Tensor, rank: int) -> Factors:
    """Decompose into a sum of outer products (canonical polyadic, Hitchcock 1927; alternating least squares).

    Args:
        stack: (layers, out, in).
        rank: of the sum.
    """
    from tensorly.decomposition import parafac

    with quiet("tensorly"):  # it warns about ranks above the number of layers
        weights, (layers, wide, into) = parafac(
            stack.double().numpy(), rank, n_iter_max=50, init="svd", random_state=0, normalize_factors=True
        )
    root = np.sqrt(weights)
    return Factors(*(torch.from_numpy(np.array(each)) for each in (wide * root, layers, (into * root).T)))


def rank_by_budget(stack: Tensor, method: Method, fraction: float) -> int:
    """Return the highest rank whose factors have at most a share of the parameters of a (layers, out, in) stack.

    Raises:
        ConfigError: if not even one rank fits.
    """
    layers, out, into = stack.shape
    budget = fraction * stack.numel()

    def cost(rank: int) -> int:
        if method == "cp":
            return rank * (out + into + layers)
        left, right = min(rank, out), min(rank, into)
        return out * left + into * right + layers * left * right

    highest = max(out, into) if method == "tucker" else int(budget)
    rank = bisect.bisect_right(range(1, highest + 1), budget, key=cost)  # the cost does not fall with the rank
    if rank == 0:
        raise ConfigError(f"compress:tensorize: no rank fits a budget of {fraction:g}; choose a higher one")
    return rank


def stacks(model: Model) -> dict[str, Tensor]:
    """Return the (layers, out, in) matrices of each name in ``finkd.models.layer_overrides.LINEARS``.

    Raises:
        ConfigError: if layers are shared, of low rank, or of different shapes.
    """
    found = matrices(model)
    layers = range(len(model.layers))
    model.slim.check_alike("compress:tensorize", len(layers))
    return {kind: torch.stack([found[f"{layer}.{kind}"].weight.detach() for layer in layers]) for kind in LINEARS}


def with_factors(model: Model, found: Mapping[str, Factors]) -> Model:
    """Return a copy in which each named matrix of every layer is a product of three; layers share the outer two."""
    weights = model.network.state_dict()
    for number, (prefix, layer) in enumerate(zip(model.layer_names, model.layers, strict=True)):
        for kind, factors in found.items():
            path = f"{prefix}.{linear_paths(layer)[kind]}"
            old = weights.pop(f"{path}.weight")
            for place, made in enumerate((factors.narrow, factors.cores[number], factors.wide)):
                weights[f"{path}.{place}.weight"] = made.to(old)
            weights[f"{path}.2.bias"] = weights.pop(f"{path}.bias")
    stacked = {kind: factors.ranks for kind, factors in found.items()}
    return rebuilt(model, replace(model.slim, stacked=stacked), weights)
