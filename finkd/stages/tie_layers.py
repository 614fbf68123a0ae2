"""One set of weights for all layers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from finkd.compression.sharing import Start, check_shareable, share_layers
from finkd.models.layer_overrides import check_family
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.stages.stage import Context, Stage, StageResult


@dataclass(frozen=True)
class TieLayers(Stage):
    """Let all layers have the same weights, as ALBERT's do (Lan et al., arXiv 1909.11942, section 3.1).

    The file is smaller, the network no faster. Train it again afterwards.

    Attributes:
        what: ``"all"`` of a layer, or its ``"attention"`` or ``"feed-forward"`` half.
        start: what the shared weights begin as: the ``"mean"`` of the layers' own, or those of the ``"first"``.
    """

    what: Literal["all", "attention", "feed-forward"] = "all"
    start: Start = "mean"
    version: ClassVar[int] = 1
    makes_smaller: ClassVar[bool] = True

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check that the layers can have one set of weights."""
        shape = spec.shape
        check_shareable(shape.overrides, shape.layers, self.what, self.start)
        check_family(shape.family)
        return spec.shaped(replace(shape, slim=replace(shape.overrides, shared=self.what)))

    def run(self, model: Model, context: Context) -> StageResult:
        """The model with shared weights."""
        return StageResult(share_layers(model, self.what, self.start))
