"""One set of weights for all layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from finkd.compression.sharing import Start, share_layers
from finkd.models.model import Model
from finkd.stages.stage import Context, Head


@dataclass(frozen=True)
class Share:
    """Let all layers have the same weights, as ALBERT's do (Lan et al., arXiv 1909.11942, section 3.1).

    The file is smaller, the network no faster. Train it again afterwards.

    Attributes:
        what: ``"all"`` of a layer, or its ``"attention"`` or ``"feed-forward"`` half.
        start: what the shared weights begin as: the ``"mean"`` of the layers' own, or those of the ``"first"``.
    """

    what: Literal["all", "attention", "feed-forward"] = "all"
    start: Start = "mean"
    version: ClassVar[int] = 1
    head: ClassVar[Head] = "kept"

    def depends(self, context: Context) -> dict[str, Any]:
        """Nothing but the settings."""
        return {}

    def run(self, model: Model, context: Context) -> tuple[Model, int]:
        """The model with shared weights."""
        return share_layers(model, self.what, self.start), 0
