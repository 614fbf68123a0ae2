"""Matrices with zeros."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from pydantic import Field

from finkd.compression.pruning import Scope
from finkd.compression.quantization import with_packed_bytes
from finkd.compression.sparsity import By, Sparsity, packed_bytes, prunable
from finkd.corpora.errors import ConfigError
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.stages.common import copied
from finkd.stages.constrained import ConstrainedStage, Losses, learn
from finkd.stages.stage import Context, StageResult
from finkd.training.schedule import Schedule

Part = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class Sparsify(ConstrainedStage):
    """Hold a fraction of the layers' weights at zero while the others learn from the model as it was.

    Matrices stay as large as they are, and take as long; what a file without the zeros would hold is said in
    ``config.json`` (``packed_bytes``). Stages that train afterwards fill the zeros again.

    Attributes:
        fraction: of the weights that are zero in the end.
        by: ``"magnitude"`` or ``"movement"`` (``finkd.compression.sparsity``).
        scope: whether each matrix (``"layer"``) loses as much, or the least important weights go wherever they are.
        rise: parts of the training between which the fraction rises; ``[0, 0]`` prunes before the first step.
        losses: as in ``task-distill``.
        schedule: how long and how fast; ``epochs: 0`` trains nothing.
    """

    fraction: Annotated[float, Field(gt=0, lt=1)] = 0.8
    by: By = "magnitude"
    scope: Scope = "model"
    rise: tuple[Part, Part] = (0.0, 0.7)
    losses: Losses = "word-logits-and-hidden-states"
    schedule: Schedule = field(default_factory=Schedule)
    version: ClassVar[int] = 1

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check that the settings fit each other, and that there is a tagger to train."""
        spec.check_layers("compress:sparsify")
        if self.schedule.epochs > 0:
            spec.check_tagger("compress:sparsify.schedule")
        if self.by == "movement" and not self.schedule.epochs:
            raise ConfigError("compress:sparsify.by: movement is what training does; set schedule.epochs")
        if self.rise[0] > self.rise[1]:
            raise ConfigError(f"compress:sparsify.rise: expected two rising parts (got {list(self.rise)})")
        return spec

    def run(self, model: Model, context: Context) -> StageResult:
        """The model with zeros.

        Raises:
            ConfigError: if it is trained and is no tagger of the corpus.
        """
        student, names = copied(model), prunable(model)
        rise = self.rise if self.schedule.epochs else (0.0, 0.0)
        constraint = Sparsity(names, self.fraction, self.by, self.scope, rise)
        tokens = learn(student, model, constraint, self.losses, self.schedule, context, "compress:sparsify")
        weights = dict(student.network.named_parameters())
        held = {name: packed_bytes(weights[name]) for name in names}
        return StageResult(with_packed_bytes(student, held), tokens)
