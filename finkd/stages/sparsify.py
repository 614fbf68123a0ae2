"""Matrices with zeros."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field

from corpora.errors import ConfigError
from finkd.compression.packing import with_packed_bytes
from finkd.compression.pruning import Scope
from finkd.compression.sparsity import By, Sparsity, packed_bytes, prunable
from finkd.losses import build_terms
from finkd.losses.term import HIDING
from finkd.models import Model
from finkd.schedule import Schedule
from finkd.settings import described
from finkd.stages.common import check_tagger, copied, examples, fit
from finkd.stages.stage import Context, Head
from finkd.step import Teacher

Part = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class Sparsify:
    """Hold a share of the layers' weights at zero while the others learn from the model as it was.

    Matrices stay as large as they are, and take as long; what a file without the zeros would hold is said in
    ``config.json`` (``packed_bytes``). Stages that train afterwards fill the zeros again.

    Attributes:
        share: of the weights that are zero in the end.
        by: ``"magnitude"`` or ``"movement"`` (``finkd.compression.sparsity``).
        scope: whether each matrix (``"layer"``) loses as much, or the least important weights go wherever they are.
        rise: parts of the training between which the share rises; ``[0, 0]`` prunes before the first step.
        losses: as in ``task-distill``.
        schedule: how long and how fast; ``epochs: 0`` trains nothing.
    """

    share: Annotated[float, Field(gt=0, lt=1)] = 0.8
    by: By = "magnitude"
    scope: Scope = "model"
    rise: tuple[Part, Part] = (0.0, 0.7)
    losses: str | Mapping[str, Mapping[str, Any]] = "words-and-states"
    schedule: Schedule = field(default_factory=Schedule)
    version: ClassVar[int] = 1
    head: ClassVar[Head] = "kept"

    def depends(self, context: Context) -> dict[str, Any]:
        """Corpus, labels, losses, seed and precision.

        Raises:
            ConfigError: if a setting does not fit the others.
        """
        if self.by == "movement" and not self.schedule.epochs:
            raise ConfigError("compress:sparsify.by: movement is what training does; set schedule.epochs")
        if self.rise[0] > self.rise[1]:
            raise ConfigError(f"compress:sparsify.rise: expected two rising parts (got {list(self.rise)})")
        terms = build_terms(self.losses, HIDING, "hides words, which a tagger has to read")
        return {
            "corpus": context.corpus,
            "labels": context.labels,
            "losses": [described(term) for term in terms],
            "seed": context.seed,
            "precision": context.precision,
        }

    def run(self, model: Model, context: Context) -> tuple[Model, int]:
        """The model with zeros.

        Raises:
            ConfigError: if it is trained and is no tagger of the corpus.
        """
        if self.schedule.epochs:
            check_tagger(model, context, "compress:sparsify")
        student, names = copied(model), prunable(model)
        rise = self.rise if self.schedule.epochs else (0.0, 0.0)
        constraint = Sparsity(names, self.share, self.by, self.scope, rise)
        tokens = 0
        if self.schedule.epochs:
            terms = build_terms(self.losses, HIDING, "")
            data = examples(context.train, student, context, context.labels, model)
            tokens = fit(student, data, terms, self.schedule, context, Teacher(model), constraint)
        weights = dict(student.network.named_parameters())
        with torch.no_grad():
            for name, weight in constraint.apply(weights, 1.0).items():
                weights[name].copy_(weight)
        held = {name: packed_bytes(weights[name]) for name in names}
        return with_packed_bytes(student, held), tokens
