"""Architectures of ``transformers`` whose layers may differ: fewer heads, fewer units, low ranks, shared halves.

BERT's configuration cannot say that a layer has nine of twelve heads, or that all layers are one. The classes made here
are BERT, RoBERTa, DistilBERT and ELECTRA with one more entry in their configuration, ``slim``, that says so;
``register`` makes them known to ``AutoModel``, so that ``from_pretrained`` and ``pipeline`` load them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cache
from typing import Any, cast

import torch
import transformers
from torch import Tensor
from transformers import AutoConfig, PreTrainedConfig, PreTrainedModel

from finkd.models.layer_overrides import FAMILIES, Slim, check_family, make_slim

_PREFIX = "finkd-"
_HEADS = {
    "Model": "AutoModel",
    "ForTokenClassification": "AutoModelForTokenClassification",
    "ForMaskedLM": "AutoModelForMaskedLM",
    "ForSequenceClassification": "AutoModelForSequenceClassification",
    "ForQuestionAnswering": "AutoModelForQuestionAnswering",
}


def family(config: PreTrainedConfig) -> str:
    """The architecture, slim or not, such as ``"bert"``."""
    return str(config.model_type).removeprefix(_PREFIX)


def rebuilt(network: PreTrainedModel, slim: Slim, weights: Mapping[str, Tensor]) -> PreTrainedModel:
    """A network of the same kind and head whose layers are so.

    Where every layer has the same number of units, that is what its configuration says, and if nothing else is slim,
    it is a network of ``transformers`` again.

    Args:
        network: what is changed; stays as it is.
        slim: how the layers are to be.
        weights: by their names in the new network, each once or under every name of a shared one.

    Raises:
        ConfigError: if the architecture is not one of those that can be slim.
    """
    kind = family(network.config)
    check_family(kind)
    head = next(each for each in _HEADS if type(network).__name__.endswith(each))
    entries = network.config.to_dict()
    entries.pop("model_type")
    if len(set(slim.units)) == 1:
        entries["hidden_dim" if kind == "distilbert" else "intermediate_size"] = slim.units[0]
        slim = replace(slim, units=())
    entries["slim"] = asdict(slim)
    options = {} if head != "Model" or _has_pooler(network) else _without_pooler(kind)
    with torch.random.fork_rng(devices=[]):
        if slim == Slim():
            entries.pop("slim")
            made = _plain(kind, head)(_plain(kind, "Config")(**entries), **options)
        else:
            register()
            made = _network(kind, head)(_config(kind)(**entries), **options)
    made.load_state_dict(weights)
    return cast(PreTrainedModel, made.train(False))


def _plain(kind: str, name: str) -> Any:
    return getattr(transformers, f"{FAMILIES[kind]}{name}")


@cache
def register() -> None:
    """Make slim networks known to ``AutoConfig`` and ``AutoModel``; once is enough."""
    for kind in FAMILIES:
        AutoConfig.register(f"{_PREFIX}{kind}", _config(kind))
        for head, auto in _HEADS.items():
            getattr(transformers, auto).register(_config(kind), _network(kind, head))


@cache
def _config(kind: str) -> type[PreTrainedConfig]:
    members = {"model_type": f"{_PREFIX}{kind}", "__module__": __name__}
    return type(f"Slim{FAMILIES[kind]}Config", (_plain(kind, "Config"),), members)


@cache
def _network(kind: str, head: str) -> type[PreTrainedModel]:
    base = _plain(kind, head)

    def __init__(self: Any, config: Any, *args: Any, **options: Any) -> None:  # noqa: N807
        base.__init__(self, config, *args, **options)
        make_slim(self, Slim.of(self))
        self.post_init()

    members = {"__init__": __init__, "config_class": _config(kind), "__module__": __name__}
    return type(f"Slim{base.__name__}", (base,), members)


def _has_pooler(network: Any) -> bool:
    return getattr(network, "pooler", None) is not None


def _without_pooler(kind: str) -> dict[str, bool]:
    return {"add_pooling_layer": False} if kind in ("bert", "roberta") else {}
