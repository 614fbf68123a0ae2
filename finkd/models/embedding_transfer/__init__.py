"""Initialize a student's token embeddings when it gets another vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finkd.corpora.registry import Registry

if TYPE_CHECKING:  # listing the names must not import numpy
    from finkd.models.embedding_transfer.transfer import Transfer

transfers: Registry[type[Transfer]] = Registry(
    "transfers",
    {
        "characters": (
            "finkd.models.embedding_transfer.mapped:Characters",
            "mean of the old tokens, weighted by their characters",
        ),
        "fvt": (
            "finkd.models.embedding_transfer.mapped:Mean",
            "plain mean of the old tokens (fast vocabulary transfer)",
        ),
        "wvt": ("finkd.models.embedding_transfer.mapped:Written", "mean weighted by the tokens' written length (WVT)"),
        "focus": (
            "finkd.models.embedding_transfer.mapped:Focus",
            "mean of equal tokens that occur in the same contexts (FOCUS)",
        ),
        "random": (
            "finkd.models.embedding_transfer.controls:Random",
            "control: drawn with the old embeddings' mean and deviation",
        ),
        "average": (
            "finkd.models.embedding_transfer.controls:Average",
            "control: every token starts as the mean of the old ones",
        ),
    },
)
