"""Fewer layers and dimensions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveInt

from finkd.corpora.errors import ConfigError
from finkd.models.layer_overrides import Slim
from finkd.models.model import Model
from finkd.models.shape import Shape
from finkd.models.spec import ModelSpec
from finkd.models.truncation import check_width, every_other, keep_layers, narrow, without_token_types
from finkd.stages.stage import Context, Stage, StageResult


def _rising(layers: tuple[int, ...]) -> tuple[int, ...]:
    if sorted(set(layers)) != list(layers):
        raise ValueError("expected rising numbers")
    return layers


@dataclass(frozen=True)
class TruncateLayers(Stage):
    """Keep some of the teacher's layers, as DistilBERT does (Sanh et al., arXiv 1910.01108, section 2).

    Attributes:
        layers: numbers of the layers kept, from 0; ``None`` keeps every other one, the first and the last among them.
        width: dimensions of the hidden states that are kept (``finkd.models.truncation.narrow``); ``None`` keeps all.
        token_types: whether a BERT keeps its table of token types; without, it becomes a DistilBERT, as that paper has
            it (``finkd.models.truncation``), and computes the same.
    """

    layers: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1), AfterValidator(_rising)] | None = None
    width: PositiveInt | None = None
    token_types: bool = True
    version: ClassVar[int] = 1
    makes_smaller: ClassVar[bool] = True

    def cache_inputs(self, context: Context) -> dict[str, Any]:
        """The rule by which dimensions are chosen, so that results of an earlier one are not taken."""
        return {} if self.width is None else {"version of width": 2}

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check the numbers of the layers, and that the model can be narrower or do without token types."""
        spec.check_layers("truncate-layers")
        shape = spec.shape
        layers = self.layers or every_other(shape.layers)
        if layers[-1] >= shape.layers:
            raise ConfigError(
                f"truncate-layers.layers: expected numbers from 0 to {shape.layers - 1} (got {list(layers)})"
            )
        shape = shape.of_layers(layers)
        if self.width is not None:
            _check_whole(shape, "width")
            check_width(self.width, shape.width, shape.heads, shape.rank)
            intermediate = shape.intermediate * self.width // shape.width
            rank = self.width if shape.rank == shape.width else shape.rank
            shape = shape.cut(width=self.width, rank=rank, intermediate=intermediate)
        if self.token_types:
            return spec.shaped(shape)
        _check_whole(shape, "token_types")
        if spec.gives_case:
            raise ConfigError("truncate-layers.token_types: the model is given the case of words by them")
        if shape.family not in ("bert", "distilbert"):
            raise ConfigError(f"truncate-layers.token_types: only a BERT can do without (got {shape.family!r})")
        return spec.shaped(replace(shape, family="distilbert"), no_masked_head="")

    def run(self, model: Model, context: Context) -> StageResult:
        """The smaller model."""
        student = keep_layers(model, self.layers or every_other(len(model.layers)))
        if self.width is not None:
            student = narrow(student, self.width)
        return StageResult(student if self.token_types else without_token_types(student))


def _check_whole(shape: Shape, setting: str) -> None:
    if shape.slim != Slim():
        raise ConfigError(f"truncate-layers.{setting}: the layers are slim already; truncate before compress")
