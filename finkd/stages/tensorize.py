"""The same matrix of all layers in shared factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from finkd.compression.sharing import Method, cp, rank_by_budget, stacks, tucker, with_factors
from finkd.models.model import Model
from finkd.stages.stage import Context, Head


@dataclass(frozen=True)
class Tensorize:
    """Take each matrix of all layers for one tensor, and keep a decomposition of it whose large factors are shared.

    Between ALBERT's one matrix for all layers (``compress:tie-layers``) and a decomposition of each by itself
    (``compress:decompose``): layers read and write in the same subspaces, and differ in how they go from one to the
    other. Train it again afterwards.

    Attributes:
        method: ``"tucker"``: a core of its own for each layer; ``"cp"``: a diagonal.
        budget: share of the matrices' parameters that are left.
    """

    method: Method = "tucker"
    budget: Annotated[float, Field(gt=0, lt=1)] = 0.5
    version: ClassVar[int] = 1
    head: ClassVar[Head] = "kept"

    def depends(self, context: Context) -> dict[str, Any]:
        """Nothing but the settings."""
        return {}

    def run(self, model: Model, context: Context) -> tuple[Model, int]:
        """The model with factors.

        Raises:
            ConfigError: if its layers are shared, of low rank or of different shapes, or no rank fits the budget.
        """
        decomposed = {"tucker": tucker, "cp": cp}[self.method]
        found = {
            kind: decomposed(stack, rank_by_budget(stack, self.method, self.budget))
            for kind, stack in stacks(model).items()
        }
        return with_factors(model, found), 0
