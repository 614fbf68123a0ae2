"""Layers that differ from what a configuration of ``transformers`` can describe; read here without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, cast

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from finkd.corpora.errors import ConfigError, DataError

if TYPE_CHECKING:  # the tokenizer-shift analysis reads shapes without torch
    from torch import nn
    from transformers import PreTrainedModel

Shared = Literal["nothing", "all", "attention", "feed-forward"]
"""Half of the layers that has one set of weights, or both (ALBERT, Lan et al. 2020, arXiv 1909.11942, section 3.1)."""

SLIM_FAMILIES = {"bert": "Bert", "roberta": "Roberta", "distilbert": "DistilBert", "electra": "Electra"}
"""Architectures whose layers can be slim -> prefix of their class names."""
SLIM_PREFIX = "finkd-"
"""Of the ``model_type`` of a slim network."""

LINEARS = ("query", "key", "value", "attended", "raised", "lowered")
"""Matrices of a layer: query, key, value and output of attention; first and second feed-forward matrix."""

BERT = (
    *("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"),
    *("intermediate.dense", "output.dense"),
)
DISTILBERT = ("attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin", "ffn.lin1", "ffn.lin2")
"""Module names of the matrices in ``LINEARS`` within a layer of each architecture."""

_LINEARS_OF_HALF = {"all": LINEARS, "attention": LINEARS[:4], "feed-forward": LINEARS[4:]}
_MODULES_OF_HALF = {
    "attention": ("attention", "sa_layer_norm"),
    "feed-forward": ("intermediate", "output", "ffn", "output_layer_norm"),
}
_MODULES_OF_HALF["all"] = _MODULES_OF_HALF["attention"] + _MODULES_OF_HALF["feed-forward"]

_Count = Annotated[int, Field(strict=True, gt=0)]
_Ranks = Annotated[tuple[_Count, ...], Field(min_length=1, max_length=2)]
_Linear = Annotated[str, Field(pattern=f"^({'|'.join(LINEARS)})$")]


def family(model_type: str) -> str:
    """Return the architecture, slim or not, such as ``"bert"``, of a configuration's ``model_type``."""
    return model_type.removeprefix(SLIM_PREFIX)


def check_family(kind: str) -> None:
    """Raise ``ConfigError`` unless layers of an architecture can be slim."""
    if kind not in SLIM_FAMILIES:
        raise ConfigError(f"compress: {kind!r} cannot be made slim ({', '.join(SLIM_FAMILIES)} can)")


@dataclass(frozen=True)
class Slim:
    """Differences between the layers of a network and its configuration.

    Attributes:
        heads: number in each layer; empty for that of the configuration.
        units: feed-forward units of each layer; likewise.
        ranks: ``"layer.matrix"`` (``LINEARS``) -> rank of the two matrices in its place.
        stacked: matrix -> ranks of its factors over all layers (``finkd.compression.sharing``): one for a diagonal
            core, else two.
        shared: half that has one set of weights for all layers.
    """

    heads: tuple[_Count, ...] = ()
    units: tuple[_Count, ...] = ()
    ranks: Mapping[str, _Count] = field(default_factory=dict)
    stacked: Mapping[_Linear, _Ranks] = field(default_factory=dict)
    shared: Shared = "nothing"
    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

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
        try:
            return _ADAPTER.validate_python(entry)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, ("slim", *first["loc"])))
            raise DataError(f"config.json: {where}: {first['msg']} (found {entry})") from error

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
        linears = _LINEARS_OF_HALF[half]
        if any(len({self.ranks.get(f"{layer}.{name}") for layer in range(layers)}) > 1 for name in linears):
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


_ADAPTER = TypeAdapter(Slim)


def linear_paths(layer: nn.Module) -> dict[str, str]:
    """Return the module name of each matrix in ``LINEARS`` within a layer.

    Raises:
        ConfigError: if the layer is of another architecture than BERT, RoBERTa, ELECTRA and DistilBERT.
    """
    names = {name for name, _ in layer.named_modules()}
    for paths in (BERT, DISTILBERT):
        if names.issuperset(paths):
            return dict(zip(LINEARS, paths, strict=True))
    raise ConfigError("compress: needs the layers of a BERT, RoBERTa, ELECTRA or DistilBERT")


def linear(layer: nn.Module, name: str) -> nn.Linear:
    """Return a matrix of a layer by its name in ``LINEARS``."""
    return cast("nn.Linear", layer.get_submodule(linear_paths(layer)[name]))


def modules_of_half(layer: nn.Module, half: Shared) -> tuple[str, ...]:
    """Return the names of the modules in one half of a layer, or in both."""
    return tuple(name for name, _ in layer.named_children() if name in _MODULES_OF_HALF[half])


def head_size(layer: nn.Module) -> int:
    """Return the dimensions of one attention head of a layer."""
    attention: Any = layer.get_submodule(linear_paths(layer)["query"].rpartition(".")[0])
    return int(attention.attention_head_size)
