"""Fewer heads, feed-forward units or layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field, PositiveInt

from finkd.compression import pruning
from finkd.corpora.errors import ConfigError
from finkd.data.batches import TrainingData
from finkd.models.layer_overrides import check_family
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.models.truncation import keep_layers
from finkd.stages.stage import Context, Stage, StageResult
from finkd.stages.training import examples

What = Literal["heads", "units", "layers"]
By = Literal["taylor", "magnitude"]


@dataclass(frozen=True)
class Prune(Stage):
    """Leave out what a tagger needs least; the rest is dense, and is really smaller and faster.

    Train it again afterwards: ``compress:prune > task-distill:gold``. Several rounds of both lose less than one.

    Attributes:
        what: attention heads, units of the feed-forward halves, or whole layers.
        fraction: of them that go; every layer keeps a head and a unit, and one layer stays.
        by: how importance is measured: ``"taylor"``, the gradient of the loss on the labelled sentences, of layers the
            loss without them; or ``"magnitude"`` of the weights, which needs no labels and is not known of layers.
        scope: whether as many go from every ``"layer"``, or the least important ones of the whole ``"model"``. With as
            many units in every layer, ``transformers`` has a name for the network.
        batch_tokens: tokens of the batches that importance is averaged over.
    """

    what: What = "units"
    fraction: Annotated[float, Field(gt=0, lt=1)] = 0.5
    by: By = "taylor"
    scope: pruning.Scope = "layer"
    batch_tokens: PositiveInt = 1024
    version: ClassVar[int] = 1
    makes_smaller: ClassVar[bool] = True

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check that the layers are whole, and that there is a loss to judge their parts by."""
        if self.by == "magnitude" and self.what == "layers":
            raise ConfigError("compress:prune.by: layers are judged by the loss without them; choose taylor")
        if self.by == "taylor":
            spec.check_tagger("compress:prune.by=taylor")
        shape = spec.shape
        shape.slim.check_whole("prune before that")
        if self.what == "layers":
            count, layers = max(1, round(shape.layers * (1 - self.fraction))), range(shape.layers)
            # Only the weights tell which go; with those of the middle gone, layers that may differ still do.
            return spec.shaped(shape.of_layers([*layers[: count - count // 2], *layers[shape.layers - count // 2 :]]))
        check_family(shape.family)
        if self.what == "heads":
            return spec.shaped(shape.overridden(heads=self._left(shape.heads_by_layer)))
        units = self._left(shape.units_by_layer)
        slim = replace(shape.slim, units=units if len(set(units)) > 1 else ())
        return spec.shaped(shape.cut(intermediate=round(mean(units)), slim=slim))

    def _left(self, counts: Sequence[int]) -> tuple[int, ...]:
        """Parts that each layer keeps; by the scope of the model, where only the weights tell, the first ones most."""
        importance = [torch.full((count,), -float(layer)) for layer, count in enumerate(counts)]
        return tuple(map(len, pruning.kept(importance, self.fraction, self.scope)))

    def cache_inputs(self, context: Context) -> dict[str, Any]:
        """Corpus, labels and seed, if the loss is asked."""
        return {} if self.by == "magnitude" else context.inputs("corpus", "labels", "seed")

    def run(self, model: Model, context: Context) -> StageResult:
        """The model without them.

        Raises:
            ConfigError: if its layers are shared or of low rank.
        """
        model.slim.check_whole("prune before that")
        if self.what == "layers":
            rises = pruning.of_layers(model, self._examples(model, context), self.batch_tokens, context.seed)
            count = max(1, round(len(rises) * (1 - self.fraction)))
            order = sorted(range(len(rises)), key=lambda layer: -rises[layer])
            return StageResult(keep_layers(model, sorted(order[:count])))
        if self.by == "magnitude":
            importance = pruning.by_magnitude(model)
        else:
            importance = pruning.by_taylor(model, self._examples(model, context), self.batch_tokens, context.seed)
        stay = pruning.kept(importance[self.what], self.fraction, self.scope)
        return StageResult(pruning.keep_parts(model, self.what, stay))

    @staticmethod
    def _examples(model: Model, context: Context) -> TrainingData:
        return examples(context.train, model, context, context.labels)
