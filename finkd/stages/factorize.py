"""Narrow token embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import PositiveInt

from finkd.compression.embedding_factorization import factorize
from finkd.models.model import Model
from finkd.stages.stage import Context, Head


@dataclass(frozen=True)
class Factorize:
    """Let token embeddings have fewer dimensions than the encoder, so that a larger vocabulary fits the same bytes.

    What is lost at first comes back when the student learns its teacher's states.

    Attributes:
        rank: dimensions of the embeddings.
    """

    rank: PositiveInt = 128
    version: ClassVar[int] = 1
    head: ClassVar[Head] = "kept"

    def depends(self, context: Context) -> dict[str, Any]:
        """Nothing but the settings."""
        return {}

    def run(self, model: Model, context: Context) -> tuple[Model, int]:
        """The model with narrow embeddings."""
        return factorize(model, self.rank), 0
