"""Weights that layers share: one set for all of them, or factors of a tensor decomposition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field

from finkd.compression import sharing
from finkd.models.layer_overrides import LINEARS, check_family
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
    start: sharing.Start = "mean"
    version: ClassVar[int] = 1
    makes_smaller: ClassVar[bool] = True

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check that the layers can have one set of weights."""
        shape = spec.shape
        sharing.check_shareable(shape.slim, shape.layers, self.what, self.start)
        check_family(shape.family)
        return spec.shaped(shape.overridden(shared=self.what))

    def run(self, model: Model, context: Context) -> StageResult:
        """The model with shared weights."""
        return StageResult(sharing.share_layers(model, self.what, self.start))


@dataclass(frozen=True)
class Tensorize(Stage):
    """Take each matrix of all layers for one tensor, and keep a decomposition of it whose large factors are shared.

    Between ALBERT's one matrix for all layers (``compress:tie-layers``) and a decomposition of each by itself
    (``compress:decompose``): layers read and write in the same subspaces, and differ in how they go from one to the
    other. Train it again afterwards.

    Attributes:
        method: ``"tucker"``: a core of its own for each layer; ``"cp"``: a diagonal.
        budget: share of the matrices' parameters that are left.
    """

    method: sharing.Method = "tucker"
    budget: Annotated[float, Field(gt=0, lt=1)] = 0.5
    version: ClassVar[int] = 1
    makes_smaller: ClassVar[bool] = True

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check that all layers have whole matrices of the same sizes, and that a rank fits the budget."""
        shape = spec.shape
        shape.slim.check_whole("decompose whole ones")
        shape.slim.check_alike("compress:tensorize", shape.layers)
        check_family(shape.family)
        sizes = shape.matrices()
        stacked = {name: torch.empty(shape.layers, *sizes[f"0.{name}"], device="meta") for name in LINEARS}
        ranks = {name: (sharing.rank_by_budget(stack, self.method, self.budget),) for name, stack in stacked.items()}
        return spec.shaped(shape.overridden(stacked=ranks))

    def run(self, model: Model, context: Context) -> StageResult:
        """The model with factors.

        Raises:
            ConfigError: if its layers are shared, of low rank or of different shapes, or no rank fits the budget.
        """
        decomposed = {"tucker": sharing.tucker, "cp": sharing.cp}[self.method]
        found = {
            kind: decomposed(stack, sharing.rank_by_budget(stack, self.method, self.budget))
            for kind, stack in sharing.stacks(model).items()
        }
        return StageResult(sharing.with_factors(model, found))
