"""Tasks learned with weights of few bits: quantization-aware training."""

from __future__ import annotations

from typing import Literal

from finkd.compression.quantization import FewBits, rounded
from finkd.compression.sparsity import prunable
from finkd.models.model import Model

Bits = Literal[0, 2, 3, 4, 8]
"""Of a weight of the layers; 0 leaves it as it is."""
EMBEDDING_BITS = 8
GROUP = 32
"""Rows that share a scale."""


def constraint(model: Model, bits: Bits) -> FewBits | None:
    """What a training rounds the matrices of the layers to; ``None`` for no bits."""
    return FewBits(dict.fromkeys(prunable(model), bits), GROUP) if bits else None


def with_rounded_embeddings(model: Model, bits: Bits) -> Model:
    """Round the embeddings of a trained model in place, if its matrices are rounded, and return it."""
    if not bits:
        return model
    return rounded(model, dict.fromkeys(prunable(model), bits), EMBEDDING_BITS, GROUP)
