"""Layers that differ from what a configuration of ``transformers`` can describe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import chain
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from finkd.corpora.errors import ConfigError, DataError
from finkd.corpora.wording import counted
from finkd.models.layer_parts import LINEARS, head_size, parts

Shared = Literal["nothing", "all", "attention", "feed-forward"]
"""Half of the layers that has one set of weights, or both (ALBERT, Lan et al. 2020, arXiv 1909.11942, section 3.1)."""

FAMILIES = {"bert": "Bert", "roberta": "Roberta", "distilbert": "DistilBert", "electra": "Electra"}
"""Architectures whose layers can be slim -> prefix of their class names."""

_OF_HALF = {"all": LINEARS, "attention": LINEARS[:4], "feed-forward": LINEARS[4:]}
"""Matrices of each half of a layer, and of both."""


def check_family(family: str) -> None:
    """Raise ``ConfigError`` unless layers of an architecture can be slim."""
    if family not in FAMILIES:
        raise ConfigError(f"compress: {family!r} cannot be made slim ({', '.join(FAMILIES)} can)")


@dataclass(frozen=True)
class Slim:
    """Differences between the layers of a network and its configuration.

    Attributes:
        heads: number in each layer; empty for that of the configuration.
        units: feed-forward units of each layer; likewise.
        ranks: ``"layer.matrix"`` (``finkd.models.layer_parts.LINEARS``) -> rank of the two matrices in its place.
        stacked: matrix -> ranks of its factors over all layers (``finkd.compression.sharing``): one for a diagonal
            core, else two.
        shared: half that has one set of weights for all layers.
    """

    heads: tuple[int, ...] = ()
    units: tuple[int, ...] = ()
    ranks: Mapping[str, int] = field(default_factory=dict)
    stacked: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    shared: Shared = "nothing"

    @classmethod
    def of(cls, network: PreTrainedModel) -> Slim:
        """Read the entry of a network's configuration."""
        return cls.read(getattr(network.config, "slim", None) or {})

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Slim:
        """Read a configuration entry.

        Raises:
            DataError: if it is not valid.
        """
        known = {each.name for each in fields(cls)}
        if (
            not isinstance(entry, Mapping)
            or set(entry) - known
            or entry.get("shared", "nothing") not in get_args(Shared)
        ):
            raise DataError(f"config.json: slim: not known to this version of finkd (found {entry})")
        try:
            lists = {name: tuple(entry.get(name, ())) for name in ("heads", "units")}
            stacked = {name: tuple(ranks) for name, ranks in entry.get("stacked", {}).items()}
            found = cls(**{**entry, **lists, "stacked": stacked})
            sizes: list[Any] = [*found.heads, *found.units, *found.ranks.values(), *chain(*stacked.values())]
        except (TypeError, AttributeError):
            sizes, stacked = [None], {}
        if any(type(size) is not int or size < 1 for size in sizes) or any(
            name not in LINEARS or len(ranks) not in (1, 2) for name, ranks in stacked.items()
        ):
            raise DataError(f"config.json: slim: expected positive numbers (found {dict(entry)})")
        return found

    @property
    def is_one(self) -> bool:
        """Whether layers share weights."""
        return bool(self.stacked) or self.shared != "nothing"

    def check_whole(self, why: str) -> None:
        """Raise ``ConfigError``, with the remedy ``why``, unless layers have weights of their own in whole matrices."""
        if self.ranks or self.is_one:
            raise ConfigError(f"compress: the layers are shared or of low rank already; {why}")

    def check_alike(self, stage: str, layers: int, half: Shared = "all") -> None:
        """Check that one half of all layers, or both, has the same shape in each.

        Raises:
            ConfigError: if shapes differ.
        """
        sizes = {"all": (self.heads, self.units), "attention": (self.heads,), "feed-forward": (self.units,)}[half]
        if any(len(set(each)) > 1 for each in sizes):
            raise ConfigError(f"{stage}: the layers differ in shape; prune all alike (scope=layer)")
        if any(len({self.ranks.get(f"{layer}.{name}") for layer in range(layers)}) > 1 for name in _OF_HALF[half]):
            raise ConfigError(
                f"{stage}: the layers differ in the ranks of their matrices; decompose with one for all (rank=), or "
                "take whole ones"
            )

    def of_layers(self, layers: Sequence[int]) -> Slim:
        """Return the differences of some of the layers, renumbered.

        Raises:
            ConfigError: if layers share weights.
        """
        if self.is_one:
            raise ConfigError("truncate-layers: the layers are shared; leave some out before that")
        ranks: dict[str, int] = {}
        for new, old in enumerate(layers):
            ranks |= {f"{new}.{name}": self.ranks[f"{old}.{name}"] for name in LINEARS if f"{old}.{name}" in self.ranks}
        heads, units = (tuple(each[layer] for layer in layers) if each else () for each in (self.heads, self.units))
        return replace(self, heads=heads, units=units, ranks=ranks)


def make_slim(network: PreTrainedModel, slim: Slim) -> None:
    """Change the layers of a network that has just been made."""
    body: Any = network.base_model
    layers = cast(nn.ModuleList, body.transformer.layer if hasattr(body, "transformer") else body.encoder.layer)
    if any(each and len(each) != len(layers) for each in (slim.heads, slim.units)):
        raise DataError(
            f"config.json: slim: expected a number for each of {counted(len(layers), 'layer')} (found {asdict(slim)})"
        )
    for number, layer in enumerate(layers):
        _make_layer_slim(layer, slim, number)
    for name, stack in slim.stacked.items():
        _stack(network, layers, name, stack)
    if slim.shared != "nothing":
        for path in parts(layers[0]).halves[slim.shared]:
            parent, _, module = path.rpartition(".")
            _tie(network, layers, parent, module)


def _make_layer_slim(layer: nn.Module, slim: Slim, number: int) -> None:
    names = parts(layer)
    if slim.heads:
        size = head_size(layer)
        for name in ("query", "key", "value"):
            _resize(layer, getattr(names, name), rows=slim.heads[number] * size)
        _resize(layer, names.attended, columns=slim.heads[number] * size)
    if slim.units:
        _resize(layer, names.raised, rows=slim.units[number])
        _resize(layer, names.lowered, columns=slim.units[number])
    for name in LINEARS:
        rank = slim.ranks.get(f"{number}.{name}")
        if rank is not None:
            old = cast(nn.Linear, names.linear(layer, name))
            narrow, wide = nn.Linear(old.in_features, rank, bias=False), nn.Linear(rank, old.out_features)
            layer.set_submodule(getattr(names, name), nn.Sequential(narrow, wide))


def _resize(layer: nn.Module, name: str, rows: int | None = None, columns: int | None = None) -> None:
    old = cast(nn.Linear, layer.get_submodule(name))
    layer.set_submodule(name, nn.Linear(columns or old.in_features, rows or old.out_features))


def _stack(network: Any, layers: nn.ModuleList, kind: str, ranks: tuple[int, ...]) -> None:
    """Replace a matrix of every layer by three, of which all layers share the first and the last."""
    path = getattr(parts(layers[0]), kind)
    for layer in layers:
        old = cast(nn.Linear, layer.get_submodule(path))
        narrow, wide = nn.Linear(old.in_features, ranks[-1], bias=False), nn.Linear(ranks[0], old.out_features)
        core = nn.Linear(ranks[1], ranks[0], bias=False) if len(ranks) == 2 else Scale(*ranks)
        layer.set_submodule(path, nn.Sequential(narrow, core, wide))
    for place in (0, 2):
        _tie(network, layers, f"{path}.{place}", "weight")


class Scale(nn.Module):
    """Diagonal matrix of a given size."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, states: Tensor) -> Tensor:
        """Multiply (..., size) states with the diagonal."""
        return states * self.weight


def _tie(network: Any, layers: nn.ModuleList, parent: str, name: str) -> None:
    """Share the first layer's module or weight of a name with every layer; files then hold it once."""
    prefix = next(name for name, module in network.named_modules() if module is layers)
    first = getattr(layers[0].get_submodule(parent), name)
    inside = [f".{weight}" for weight, _ in first.named_parameters()] if isinstance(first, nn.Module) else [""]
    path = f"{parent}.{name}".lstrip(".")
    tied = dict(network._tied_weights_keys or {})
    for number in range(1, len(layers)):
        setattr(layers[number].get_submodule(parent), name, first)
        tied |= {f"{prefix}.{number}.{path}{weight}": f"{prefix}.0.{path}{weight}" for weight in inside}
    network._tied_weights_keys = tied
