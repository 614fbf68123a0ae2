"""Initialize a student's token embeddings when it gets another vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finkd.corpora.registry import Registry

if TYPE_CHECKING:  # listing the names must not import numpy
    from finkd.models.embedding_transfer.methods import Transfer

_METHODS = "finkd.models.embedding_transfer.methods"

transfers: Registry[type[Transfer]] = Registry(
    "transfers",
    {
        "characters": (f"{_METHODS}:Characters", "mean of the old tokens, weighted by their characters"),
        "fvt": (f"{_METHODS}:Mean", "plain mean of the old tokens (fast vocabulary transfer)"),
        "wvt": (f"{_METHODS}:Written", "mean weighted by the tokens' written length (WVT)"),
        "focus": (f"{_METHODS}:Focus", "mean of equal tokens that occur in the same contexts (FOCUS)"),
        "random": (f"{_METHODS}:Random", "control: drawn with the old embeddings' mean and deviation"),
        "average": (f"{_METHODS}:Average", "control: every token starts as the mean of the old ones"),
    },
)
