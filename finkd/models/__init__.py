"""Load and check models, add heads, truncate layers, transfer embeddings, override single layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finkd.corpora.registry import Registry

if TYPE_CHECKING:  # listing the names must not import numpy
    from finkd.models.embedding_transfer import Transfer

_TRANSFER = "finkd.models.embedding_transfer"

transfers: Registry[type[Transfer]] = Registry(
    "transfers",
    {
        "characters": (f"{_TRANSFER}:Characters", "mean of the old tokens, weighted by their characters"),
        "fvt": (f"{_TRANSFER}:Mean", "plain mean of the old tokens (fast vocabulary transfer)"),
        "wvt": (f"{_TRANSFER}:Written", "mean weighted by the tokens' written length (WVT)"),
        "focus": (f"{_TRANSFER}:Focus", "mean of equal tokens that occur in the same contexts (FOCUS)"),
        "random": (f"{_TRANSFER}:Random", "control: drawn with the old embeddings' mean and deviation"),
        "average": (f"{_TRANSFER}:Average", "control: every token starts as the mean of the old ones"),
    },
)
