"""Weights of few bits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from finkd.compression.quantization import (
    CHOICES,
    FewBits,
    bits_by_sensitivity,
    embedding_matrix,
    packed,
    sensitivities,
    with_packed_bytes,
)
from finkd.compression.sparsity import prunable
from finkd.corpora.errors import ConfigError
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.stages.common import check_tagger, copied, examples
from finkd.stages.constrained import ConstrainedStage, Losses, constrain, learn
from finkd.stages.stage import Context, StageResult
from finkd.training.schedule import Schedule


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

    bits: Annotated[float, Field(ge=CHOICES[0], le=CHOICES[-1])] = 4
    by: Literal["uniform", "hessian"] = "hessian"
    embedding_bits: Literal[2, 3, 4, 8] = 8
    group: PositiveInt = 32
    losses: Losses = "word-logits-and-hidden-states"
    schedule: Schedule = field(default_factory=Schedule)
    batch_tokens: PositiveInt = 1024
    sentences: NonNegativeInt = 500
    version: ClassVar[int] = 2

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check the number of bits, and that there is a tagger to ask or to train."""
        spec.check_layers("compress:quantize")
        if self.by == "hessian":
            spec.check_tagger("compress:quantize.by=hessian")
        elif self.schedule.epochs > 0:
            spec.check_tagger("compress:quantize.schedule")
        if self.by == "uniform" and self.bits not in CHOICES:
            raise ConfigError(f"compress:quantize.bits: expected one of {CHOICES} for all alike (got {self.bits:g})")
        return spec

    def run(self, model: Model, context: Context) -> StageResult:
        """The model with rounded weights.

        Raises:
            ConfigError: if its loss is asked and it is no tagger of the corpus.
        """
        student = copied(model)
        bits = self._bits(student, context)
        rounded = FewBits(bits, self.group)
        tokens = learn(student, model, rounded, self.losses, self.schedule, context, "compress:quantize")
        table = {embedding_matrix(student): self.embedding_bits}
        constrain(student, FewBits(table, self.group))
        weights = dict(student.network.named_parameters())
        bits |= table
        held = {name: len(packed(weights[name], each, self.group)) for name, each in bits.items()}
        return StageResult(with_packed_bytes(student, held), tokens)

    def _bits(self, model: Model, context: Context) -> dict[str, int]:
        names = prunable(model)
        if self.by == "uniform":
            return dict.fromkeys(names, int(self.bits))
        check_tagger(model, context, "compress:quantize.by=hessian")
        data = examples(context.train[: self.sentences or None], model, context, context.labels)
        steep = sensitivities(model, data, names, self.batch_tokens, context.seed)
        weights = dict(model.network.named_parameters())
        return bits_by_sensitivity({name: weights[name].detach() for name in names}, steep, self.bits, self.group)
