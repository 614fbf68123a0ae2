"""Fewer layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, NonNegativeInt

from finkd.models import Model
from finkd.stages.stage import Context, Head
from finkd.students import keep_layers


def _rising(layers: tuple[int, ...]) -> tuple[int, ...]:
    if sorted(set(layers)) != list(layers):
        raise ValueError("expected rising numbers")
    return layers


@dataclass(frozen=True)
class Shrink:
    """Keep some of the teacher's layers, as DistilBERT does (Sanh et al., arXiv 1910.01108, section 2).

    Attributes:
        layers: numbers of the layers kept, from 0.
    """

    layers: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1), AfterValidator(_rising)] = (0, 2, 5)
    version: ClassVar[int] = 1
    head: ClassVar[Head] = "kept"

    def depends(self, context: Context) -> dict[str, Any]:
        """Nothing but the settings."""
        return {}

    def run(self, model: Model, context: Context) -> tuple[Model, int]:
        """The shallower model."""
        return keep_layers(model, self.layers), 0
