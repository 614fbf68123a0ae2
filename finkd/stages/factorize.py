"""Narrow token embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import PositiveInt

from finkd.compression.embedding_factorization import factorize
from finkd.corpora.errors import ConfigError
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.stages.stage import Context, Stage, StageResult


@dataclass(frozen=True)
class Factorize(Stage):
    """Let token embeddings have fewer dimensions than the encoder, so that a larger vocabulary fits the same bytes.

    What is lost at first comes back when the student learns its teacher's states.

    Attributes:
        rank: dimensions of the embeddings.
    """

    rank: PositiveInt = 128
    version: ClassVar[int] = 1
    makes_smaller: ClassVar[bool] = True

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check the architecture and the rank; the new architecture is ELECTRA's."""
        shape = spec.shape
        if spec.head == "words":
            raise ConfigError("compress:factorize: needs a BERT encoder or tagger (got one with a masked-LM head)")
        if shape.family != "bert":
            raise ConfigError(f"compress:factorize: needs a BERT encoder or tagger (got {shape.family!r})")
        if not 2 <= self.rank < shape.width:
            limits = f"2 to {shape.width - 1}, less than the encoder's width"
            raise ConfigError(f"compress:factorize.rank: expected {limits} (got {self.rank})")
        return spec.shaped(
            shape.cut(rank=self.rank, family="electra"),
            no_masked_head="cannot train the masked-LM head of a model of the family 'electra'",
        )

    def run(self, model: Model, context: Context) -> StageResult:
        """The model with narrow embeddings."""
        return StageResult(factorize(model, self.rank))
