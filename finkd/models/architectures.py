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
    """Return the architecture, slim or not, such as ``"bert"``."""
    return str(config.model_type).removeprefix(_PREFIX)


def no_pooler(kind: str) -> dict[str, bool]:
    """Return the options that make an encoder without a pooler, if its architecture has them."""
    return {"add_pooling_layer": False} if kind in ("bert", "roberta", "xlm-roberta", "camembert") else {}


def rebuilt(network: PreTrainedModel, slim: Slim, weights: Mapping[str, Tensor]) -> PreTrainedModel:
    """Make a network of the same kind and head with the given layers.

    If all layers have the same number of units, the configuration's own entry holds it; if nothing else differs, the
    result is a plain network of ``transformers``.

    Args:
        network: the model; not changed.
        slim: the shapes of the new layers.
        weights: by their names in the new network; a shared one under one of its names, or all.

    Raises:
        ConfigError: if layers of this architecture cannot be slim.
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
    options = no_pooler(kind) if head == "Model" and getattr(network, "pooler", None) is None else {}
    with torch.random.fork_rng(devices=[]):
        if slim == Slim():
            entries.pop("slim")
            made = _plain(kind, head)(_plain(kind, "Config")(**entries), **options)
        else:
            register()
            made = _network(kind, head)(_config(kind)(**entries), **options)
    made.load_state_dict(weights)
    return cast(PreTrainedModel, made.train(False))


@cache
def register() -> None:
    """Make slim networks known to ``AutoConfig`` and ``AutoModel``; later calls do nothing.

    Example:
        >>> import finkd
        >>> finkd.register_architectures()
    """
    for kind in FAMILIES:
        AutoConfig.register(f"{_PREFIX}{kind}", _config(kind))
        for head, auto in _HEADS.items():
            getattr(transformers, auto).register(_config(kind), _network(kind, head))


def _plain(kind: str, name: str) -> Any:
    return getattr(transformers, f"{FAMILIES[kind]}{name}")


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
