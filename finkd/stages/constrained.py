"""Matrices with zeros, and weights of few bits: training under a constraint on the weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field, NonNegativeInt, PositiveInt

from finkd.compression import pruning, quantization, sparsity
from finkd.corpora.errors import ConfigError
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.stages.stage import Context, StageResult, Training
from finkd.stages.training import LearningStage, Losses, examples, fit
from finkd.training.schedule import Schedule
from finkd.training.teacher_outputs import LiveTeacher
from finkd.training.weight_constraints import Constraint

Part = Annotated[float, Field(ge=0, le=1)]


class ConstrainedStage(LearningStage):
    """A stage whose weights learn under a constraint, taught by the model as it was.

    Attributes:
        name: of the stage, for messages.
    """

    name: ClassVar[str]
    makes_smaller: ClassVar[bool] = True

    @property
    def training(self) -> Training:
        """The labelled sentences, which the model as it was reads too."""
        return Training(self.schedule, has_teacher=True)

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check that there are layers to change, and a tagger to train."""
        spec.check_layers(self.name)
        if self.schedule.epochs:
            spec.check_tagger(f"{self.name}.schedule")
        return spec

    def cache_inputs(self, context: Context) -> dict[str, Any]:
        """Corpus, labels, losses, seed and precision."""
        if self.schedule.epochs:
            self._check_losses(context.student, context.student)
        return super().cache_inputs(context) | context.inputs("corpus", "labels")

    def _learn(self, student: Model, model: Model, constraint: Constraint, context: Context) -> int:
        """Train a copy of a model under a constraint; without epochs, do what the constraint says alone.

        Returns:
            tokens that were seen.
        """
        if not self.schedule.epochs:
            constrain(student, constraint)
            return 0
        data = examples(context.train, student, context, context.labels, model)
        return fit(student, data, self.terms(), self.schedule, context, LiveTeacher(model), constraint)


@torch.no_grad()
def constrain(model: Model, constraint: Constraint) -> None:
    """Let the weights be what a constraint says in the end."""
    weights = dict(model.network.named_parameters())
    for name, weight in constraint.apply(weights, 1.0).items():
        weights[name].copy_(weight)


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
    by: sparsity.By = "magnitude"
    scope: pruning.Scope = "model"
    rise: tuple[Part, Part] = (0.0, 0.7)
    losses: Losses = "word-logits-and-hidden-states"
    schedule: Schedule = field(default_factory=Schedule)
    version: ClassVar[int] = 1
    name: ClassVar[str] = "compress:sparsify"

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check that the settings fit each other, and that there is a tagger to train."""
        if self.by == "movement" and not self.schedule.epochs:
            raise ConfigError("compress:sparsify.by: movement is what training does; set schedule.epochs")
        if self.rise[0] > self.rise[1]:
            raise ConfigError(f"compress:sparsify.rise: expected two rising parts (got {list(self.rise)})")
        return super().validate(spec)

    def run(self, model: Model, context: Context) -> StageResult:
        """The model with zeros."""
        student, names = model.copied(), sparsity.prunable(model)
        rise = self.rise if self.schedule.epochs else (0.0, 0.0)
        constraint = sparsity.Sparsity(names, self.fraction, self.by, self.scope, rise)
        tokens = self._learn(student, model, constraint, context)
        weights = dict(student.network.named_parameters())
        held = {name: sparsity.packed_bytes(weights[name]) for name in names}
        return StageResult(quantization.with_packed_bytes(student, held), tokens)


@dataclass(frozen=True)
class Quantize(ConstrainedStage):
    """Round the layers' matrices and the token embeddings to few bits, group by group (Q-BERT, arXiv 1909.05840).

    The weights are kept as the floats that they are rounded to, so that everything can read them; the bytes of the same
    weights packed without gaps are said in ``config.json`` (``packed_bytes``). ``finkd export --to onnx-int8`` makes
    eight bits that are faster too.

    Attributes:
        bits: of a weight of the layers, on average.
        by: ``"uniform"``: all matrices have as many; ``"hessian"``: those where the loss is steep have more.
        embedding_bits: of a token embedding; they are rounded once the layers have learned.
        group: rows that share a scale.
        losses: as in ``task-distill``.
        schedule: of learning with rounded weights, from the model as it was (quantization-aware); ``epochs: 0`` rounds
            what is there.
        batch_tokens: tokens of the batches that steepness is averaged over.
        sentences: how many of the labelled ones it is measured on; 0 takes all.
    """

    bits: Annotated[float, Field(ge=quantization.CHOICES[0], le=quantization.CHOICES[-1])] = 4.0
    by: Literal["uniform", "hessian"] = "hessian"
    embedding_bits: Literal[2, 3, 4, 8] = 8
    group: PositiveInt = 32
    losses: Losses = "word-logits-and-hidden-states"
    schedule: Schedule = field(default_factory=Schedule)
    batch_tokens: PositiveInt = 1024
    sentences: NonNegativeInt = 500
    version: ClassVar[int] = 3
    name: ClassVar[str] = "compress:quantize"

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check the number of bits, and that there is a tagger to ask or to train."""
        if self.by == "hessian":
            spec.check_tagger("compress:quantize.by=hessian")
        if self.by == "uniform" and self.bits not in quantization.CHOICES:
            raise ConfigError(
                f"compress:quantize.bits: expected one of {quantization.CHOICES} for all alike (got {self.bits:g})"
            )
        return super().validate(spec)

    def run(self, model: Model, context: Context) -> StageResult:
        """The model with rounded weights."""
        student = model.copied()
        bits = self._bits(student, context)
        tokens = self._learn(student, model, quantization.FewBits(bits, self.group), context)
        return StageResult(quantization.rounded(student, bits, self.embedding_bits, self.group), tokens)

    def _bits(self, model: Model, context: Context) -> dict[str, int]:
        names = sparsity.prunable(model)
        if self.by == "uniform":
            return dict.fromkeys(names, int(self.bits))
        data = examples(context.train[: self.sentences or None], model, context, context.labels)
        steep = quantization.sensitivities(model, data, names, self.batch_tokens, context.seed)
        weights = dict(model.network.named_parameters())
        return quantization.bits_by_sensitivity(
            {name: weights[name].detach() for name in names}, steep, self.bits, self.group
        )
