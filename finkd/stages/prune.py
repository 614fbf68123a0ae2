"""Fewer heads, feed-forward units or layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveInt

from finkd.compression.pruning import (
    Importance,
    Scope,
    by_magnitude,
    by_taylor,
    keep_heads,
    keep_units,
    kept,
    of_layers,
)
from finkd.corpora.errors import ConfigError
from finkd.data.batches import TrainingData
from finkd.models.layer_overrides import Slim
from finkd.models.model import Model
from finkd.models.truncation import keep_layers
from finkd.stages.common import check_tagger, examples
from finkd.stages.stage import Context, Head

What = Literal["heads", "units", "layers"]
By = Literal["taylor", "magnitude"]


@dataclass(frozen=True)
class Prune:
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
    scope: Scope = "layer"
    batch_tokens: PositiveInt = 1024
    version: ClassVar[int] = 1
    head: ClassVar[Head] = "kept"

    def depends(self, context: Context) -> dict[str, Any]:
        """Corpus, labels and seed, if the loss is asked.

        Raises:
            ConfigError: if layers are to be judged by the magnitude of their weights.
        """
        if self.by == "magnitude":
            if self.what == "layers":
                raise ConfigError("compress:prune.by: layers are judged by the loss without them; choose taylor")
            return {}
        return {"corpus": context.corpus, "labels": context.labels, "seed": context.seed}

    def run(self, model: Model, context: Context) -> tuple[Model, int]:
        """The model without them.

        Raises:
            ConfigError: if the loss is asked and the model is no tagger of the corpus, or its layers are shared or of
                low rank.
        """
        Slim.of(model.network).check_whole("prune before that")
        if self.what == "layers":
            rises = of_layers(model, self._examples(model, context), self.batch_tokens, context.seed)
            count = max(1, round(len(rises) * (1 - self.fraction)))
            order = sorted(range(len(rises)), key=lambda layer: -rises[layer])
            return keep_layers(model, sorted(order[:count])), 0
        importance = self._importance(model, context)
        if self.what == "heads":
            return keep_heads(model, kept(importance.heads, self.fraction, self.scope)), 0
        return keep_units(model, kept(importance.units, self.fraction, self.scope)), 0

    def _importance(self, model: Model, context: Context) -> Importance:
        if self.by == "magnitude":
            return by_magnitude(model)
        return by_taylor(model, self._examples(model, context), self.batch_tokens, context.seed)

    @staticmethod
    def _examples(model: Model, context: Context) -> TrainingData:
        check_tagger(model, context, "compress:prune.by=taylor")
        return examples(context.train, model, context, context.labels)
