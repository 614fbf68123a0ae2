"""Fewer layers and dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveInt

from finkd.models.distilbert import without_token_types
from finkd.models.model import Model
from finkd.models.truncation import every_other, keep_layers, narrow
from finkd.stages.stage import Context, Head


def _rising(layers: tuple[int, ...]) -> tuple[int, ...]:
    if sorted(set(layers)) != list(layers):
        raise ValueError("expected rising numbers")
    return layers


@dataclass(frozen=True)
class TruncateLayers:
    """Keep some of the teacher's layers, as DistilBERT does (Sanh et al., arXiv 1910.01108, section 2).

    Attributes:
        layers: numbers of the layers kept, from 0; ``None`` keeps every other one, the first and the last among them.
        width: dimensions of the hidden states that are kept (``finkd.models.truncation.narrow``); ``None`` keeps all.
        token_types: whether a BERT keeps its table of token types; without, it becomes a DistilBERT, as that paper has
            it (``finkd.models.distilbert``), and computes the same.
    """

    layers: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1), AfterValidator(_rising)] | None = None
    width: PositiveInt | None = None
    token_types: bool = True
    version: ClassVar[int] = 1
    head: ClassVar[Head] = "kept"

    def depends(self, context: Context) -> dict[str, Any]:
        """Nothing but the settings."""
        return {}

    def run(self, model: Model, context: Context) -> tuple[Model, int]:
        """The smaller model."""
        student = keep_layers(model, self.layers or every_other(len(model.layers)))
        if self.width is not None:
            student = narrow(student, self.width)
        return student if self.token_types else without_token_types(student), 0
