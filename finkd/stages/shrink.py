"""Fewer layers and dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveInt

from finkd.models import Model
from finkd.stages.stage import Context, Head
from finkd.students import keep_layers, narrow


def _rising(layers: tuple[int, ...]) -> tuple[int, ...]:
    if sorted(set(layers)) != list(layers):
        raise ValueError("expected rising numbers")
    return layers


@dataclass(frozen=True)
class Shrink:
    """Keep some of the teacher's layers, as DistilBERT does (Sanh et al., arXiv 1910.01108, section 2).

    Attributes:
        layers: numbers of the layers kept, from 0.
        width: dimensions of the hidden states that are kept (``finkd.students.narrow``); ``None`` keeps all.
    """

    layers: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1), AfterValidator(_rising)] = (0, 2, 5)
    width: PositiveInt | None = None
    version: ClassVar[int] = 1
    head: ClassVar[Head] = "kept"

    def depends(self, context: Context) -> dict[str, Any]:
        """Nothing but the settings."""
        return {}

    def run(self, model: Model, context: Context) -> tuple[Model, int]:
        """The smaller model."""
        student = keep_layers(model, self.layers)
        return student if self.width is None else narrow(student, self.width), 0
