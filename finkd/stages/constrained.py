"""Training under a constraint on the weights, for the stages that need one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from finkd.losses import build_terms
from finkd.losses.term import MASKING, Loss
from finkd.models.model import Model
from finkd.settings import described
from finkd.stages.common import check_tagger, examples, fit
from finkd.stages.stage import Context, Stage, Training
from finkd.training.schedule import Schedule
from finkd.training.teachers import LiveTeacher
from finkd.training.weight_constraints import Constraint

Losses = str | Mapping[str, Mapping[str, Any]]


def constrained_terms(losses: Losses) -> list[Loss]:
    """Loss terms of such a stage."""
    return build_terms(losses, MASKING, "masks words, which a tagger has to read")


class ConstrainedStage(Stage):
    """A stage whose weights learn under a constraint, taught by the model as it was.

    Attributes:
        losses: as in ``task-distill``.
        schedule: how long and how fast.
    """

    losses: Losses
    schedule: Schedule
    makes_smaller: ClassVar[bool] = True

    @property
    def training(self) -> Training:
        """The labelled sentences, which the model as it was reads too."""
        return Training(self.schedule, has_teacher=True)

    def terms(self) -> list[Loss]:
        """The loss terms."""
        return constrained_terms(self.losses)

    def cache_inputs(self, context: Context) -> dict[str, Any]:
        """Corpus, labels, losses, seed and precision."""
        return {
            "corpus": context.corpus,
            "labels": context.labels,
            "losses": [described(term) for term in self.terms()],
            "seed": context.seed,
            "precision": context.precision,
        }


def learn(
    student: Model,
    model: Model,
    constraint: Constraint,
    losses: Losses,
    schedule: Schedule,
    context: Context,
    name: str,
) -> int:
    """Train a model under a constraint, taught by itself as it was; without epochs, do what the constraint says alone.

    Args:
        student: changed in place.
        model: the same before.
        constraint: on its weights.
        losses: as in ``task-distill``.
        schedule: how long and how fast.
        context: the experiment.
        name: of the stage, for people.

    Returns:
        tokens that were seen.

    Raises:
        ConfigError: if it is to be trained, and is no tagger of the corpus.
    """
    if schedule.epochs:
        check_tagger(model, context, name)
        data = examples(context.train, student, context, context.labels, model)
        return fit(student, data, constrained_terms(losses), schedule, context, LiveTeacher(model), constraint)
    constrain(student, constraint)
    return 0


@torch.no_grad()
def constrain(model: Model, constraint: Constraint) -> None:
    """Let the weights be what a constraint says in the end."""
    weights = dict(model.network.named_parameters())
    for name, weight in constraint.apply(weights, 1.0).items():
        weights[name].copy_(weight)
