"""Variants of ``transformers`` architectures whose layers differ: fewer heads or units, low ranks, shared weights.

BERT's configuration cannot describe a layer with nine of twelve heads, or one set of weights for all layers. The
classes made here are BERT, RoBERTa, DistilBERT and ELECTRA with one more configuration entry, ``slim``, that does.
``register`` makes them known to ``AutoModel``, so that ``from_pretrained`` and ``pipeline`` load them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cache
from typing import Any, cast

import torch
import transformers
from torch import Tensor, nn
from transformers import AutoConfig, PreTrainedConfig, PreTrainedModel

from finkd.corpora.errors import DataError
from finkd.corpora.wording import counted
from finkd.models.layer_overrides import (
    LINEARS,
    SLIM_FAMILIES,
    SLIM_PREFIX,
    Slim,
    check_family,
    family,
    head_size,
    linear,
    linear_paths,
    modules_of_half,
)
from finkd.models.model import Model

TAGGER, MASKED_LM = "ForTokenClassification", "ForMaskedLM"
HEADS = {
    TAGGER: transformers.AutoModelForTokenClassification,
    MASKED_LM: transformers.AutoModelForMaskedLM,
    "ForSequenceClassification": transformers.AutoModelForSequenceClassification,
    "ForQuestionAnswering": transformers.AutoModelForQuestionAnswering,
    "Model": transformers.AutoModel,
}
"""End of a class's name -> the class that loads such networks; ``"Model"`` is the encoder alone."""


def no_pooler(kind: str) -> dict[str, bool]:
    """Return the options that make an encoder without a pooler, if its architecture has them."""
    return {"add_pooling_layer": False} if kind in ("bert", "roberta", "xlm-roberta", "camembert") else {}


def rebuilt(model: Model, slim: Slim, weights: Mapping[str, Tensor]) -> Model:
    """Make a model of the same kind and head with the given layers.

    If all layers have the same number of units, the configuration's own entry holds it; if nothing else differs, the
    result is a plain network of ``transformers``.

    Args:
        model: not changed.
        slim: the shapes of the new layers.
        weights: by their names in the new network; a shared one under one of its names, or all.

    Raises:
        ConfigError: if layers of this architecture cannot be slim.
    """
    network = model.network
    kind = family(network.config.model_type)
    check_family(kind)
    head = next(each for each in HEADS if type(network).__name__.endswith(each))
    entries = network.config.to_dict()
    entries.pop("model_type")
    if len(set(slim.units)) == 1:
        entries["hidden_dim" if kind == "distilbert" else "intermediate_size"] = slim.units[0]
        slim = replace(slim, units=())
    entries["slim"] = asdict(slim)
    options = no_pooler(kind) if head == "Model" and getattr(network, "pooler", None) is None else {}
    with torch.random.fork_rng(devices=[]):
        if slim == Slim():
            entries.pop("slim")
            made = _plain(kind, head)(_plain(kind, "Config")(**entries), **options)
        else:
            register()
            made = _network(kind, head)(_config(kind)(**entries), **options)
    made.load_state_dict(weights)
    return replace(model, network=made.train(False))


@cache
def register() -> None:
    """Make slim networks known to ``AutoConfig`` and ``AutoModel``; later calls do nothing.

    Example:
        >>> import finkd
        >>> finkd.register_architectures()
    """
    for kind in SLIM_FAMILIES:
        AutoConfig.register(f"{SLIM_PREFIX}{kind}", _config(kind))
        for head, auto in HEADS.items():
            auto.register(_config(kind), _network(kind, head))


def _plain(kind: str, name: str) -> Any:
    return getattr(transformers, f"{SLIM_FAMILIES[kind]}{name}")


@cache
def _config(kind: str) -> type[PreTrainedConfig]:
    members = {"model_type": f"{SLIM_PREFIX}{kind}", "__module__": __name__}
    return type(f"Slim{SLIM_FAMILIES[kind]}Config", (_plain(kind, "Config"),), members)


@cache
def _network(kind: str, head: str) -> type[PreTrainedModel]:
    base = _plain(kind, head)

    def __init__(self: Any, config: Any, *args: Any, **options: Any) -> None:  # noqa: N807
        base.__init__(self, config, *args, **options)
        _make_slim(self, Slim.of(self))
        self.post_init()

    members = {"__init__": __init__, "config_class": _config(kind), "__module__": __name__}
    return type(f"Slim{base.__name__}", (base,), members)


def _make_slim(network: PreTrainedModel, slim: Slim) -> None:
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
        for module in modules_of_half(layers[0], slim.shared):
            _tie(network, layers, "", module)


def _make_layer_slim(layer: nn.Module, slim: Slim, number: int) -> None:
    paths = linear_paths(layer)
    if slim.heads:
        inner = slim.heads[number] * head_size(layer)
        for name in ("query", "key", "value"):
            _resize(layer, paths[name], rows=inner)
        _resize(layer, paths["attended"], columns=inner)
    if slim.units:
        _resize(layer, paths["raised"], rows=slim.units[number])
        _resize(layer, paths["lowered"], columns=slim.units[number])
    for name in LINEARS:
        rank = slim.ranks.get(f"{number}.{name}")
        if rank is not None:
            old = linear(layer, name)
            narrow, wide = nn.Linear(old.in_features, rank, bias=False), nn.Linear(rank, old.out_features)
            layer.set_submodule(paths[name], nn.Sequential(narrow, wide))


def _resize(layer: nn.Module, name: str, rows: int | None = None, columns: int | None = None) -> None:
    old = cast(nn.Linear, layer.get_submodule(name))
    layer.set_submodule(name, nn.Linear(columns or old.in_features, rows or old.out_features))


def _stack(network: Any, layers: nn.ModuleList, kind: str, ranks: tuple[int, ...]) -> None:
    """Replace a matrix of every layer by three, of which all layers share the first and the last."""
    path = linear_paths(layers[0])[kind]
    for layer in layers:
        old = linear(layer, kind)
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
