"""What a model would take in a file that holds its few bits, or its zeros, without gaps."""

from __future__ import annotations

from collections.abc import Mapping

from finkd.compression.quantization import rest_bytes
from finkd.models import Model

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
