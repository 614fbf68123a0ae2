"""Weight sharing across layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch

from finkd.corpora.errors import ConfigError
from finkd.models.architectures import rebuilt
from finkd.models.layer_overrides import Shared, Slim
from finkd.models.layer_parts import parts
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
    slim = Slim.of(model.network)
    check_shareable(slim, len(model.layers), shared, start)
    weights = model.network.state_dict()
    names = {module: name for name, module in model.network.named_modules()}
    prefixes = [names[layer] for layer in model.layers]
    modules = parts(model.layers[0]).halves[shared]
    own = [
        {name: weight for name, weight in layer.named_parameters() if name.startswith(modules)}
        for layer in model.layers
    ]
    for name in own[0]:
        layers = [each[name].detach() for each in own]
        for prefix in prefixes:
            weights[f"{prefix}.{name}"] = layers[0] if start == "first" else torch.stack(layers).mean(0)
    return Model(rebuilt(model.network, replace(slim, shared=shared), weights), model.tokenizer, model.labels)
