"""What a model would take in a file that holds its few bits, or its zeros, without gaps."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace

from finkd.compression.quantization import rest_bytes
from finkd.models.model import Model

ENTRY = "packed_bytes"


def with_packed_bytes(model: Model, held: Mapping[str, int]) -> Model:
    """The model with an entry in its configuration that says so; changed in place.

    Args:
        model: that holds the weights as floats.
        held: bytes of some of its matrices, packed, by name.
    """
    total = sum(held.values()) + rest_bytes(model.network, list(held))
    for config in (model.network.config, model.encoder.config):
        setattr(config, ENTRY, total)
    return model


def without_packed_bytes(model: Model) -> Model:
    """The model for a stage that changes its weights: what the entry says is not true of the result."""
    if not hasattr(model.network.config, ENTRY):
        return model
    network = copy.deepcopy(model.network)
    for config in {id(each): each for each in (network.config, network.base_model.config)}.values():
        if hasattr(config, ENTRY):
            delattr(config, ENTRY)
    return replace(model, network=network)
