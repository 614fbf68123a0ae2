"""Thin matrices: two in place of each large one of the layers, and narrow token embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveInt

from finkd.compression import low_rank
from finkd.compression.embedding_factorization import check_factorizable, factorize
from finkd.corpora.errors import ConfigError
from finkd.models.layer_overrides import check_family
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.stages.stage import Context, Source, Stage, StageResult
from finkd.stages.training import examples

Share = Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True)
class Decompose(Stage):
    """Replace the layers' matrices by truncated singular value decompositions.

    Exactly one of ``rank``, ``energy`` and ``budget`` says how far. Train it again afterwards.

    Attributes:
        rank: of every matrix; those that it would not make smaller stay.
        energy: share of the square of each matrix's output that its rank has to keep.
        budget: share of the matrices' parameters that are left; ranks go where they gain most.
        read: whose states the matrices are to be good for (``finkd.compression.low_rank.decompose``): the labelled
            sentences (``"gold"``), raw ``"text"`` or ``"general"`` text; ``"weights"`` asks the weights alone.
        batch_tokens: tokens of the batches that are read.
    """

    rank: PositiveInt | None = None
    energy: Share | None = None
    budget: Share | None = None
    read: Literal["gold", "text", "general", "weights"] = "gold"
    batch_tokens: PositiveInt = 4096
    version: ClassVar[int] = 1
    makes_smaller: ClassVar[bool] = True

    @property
    def sources(self) -> frozenset[Source]:
        """The text that the matrices are fitted to."""
        return frozenset() if self.read == "weights" else frozenset({self.read})

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check that one setting says how far, and that the layers are whole."""
        if sum(each is not None for each in (self.rank, self.energy, self.budget)) != 1:
            raise ConfigError("compress:decompose: expected one of rank, energy and budget, such as budget=0.5")
        shape = spec.shape
        shape.slim.check_whole("decompose whole ones")
        check_family(shape.family)
        sizes = shape.matrices()
        if self.budget is not None:
            low_rank.beyond_rank_one(sizes.values(), self.budget)
        # Of a budget or an energy only the weights tell the ranks: 1 stands for whatever they will be.
        ranks = dict.fromkeys(sizes, 1) if self.rank is None else low_rank.ranks_alike(sizes, self.rank)
        low_rank.check_smaller(ranks)
        return spec.shaped(shape.overridden(ranks=ranks))

    def cache_inputs(self, context: Context) -> dict[str, Any]:
        """Return the text that is read."""
        if self.read == "weights":
            return {}
        return {"text": context.source_fingerprint(self.read, "compress:decompose"), "seed": context.seed}

    def run(self, model: Model, context: Context) -> StageResult:
        """The model with thin matrices.

        Raises:
            ConfigError: if there is nothing to read, nothing would become smaller, or no rank fits the budget.
        """
        seen = {}
        if self.read != "weights":
            if self.read == "gold" and not context.train:
                raise ConfigError("compress:decompose: needs a labelled corpus to read; name one, or set read=weights")
            data = examples(context.sentences(self.read), model, context)
            seen = low_rank.moments(model, data, self.batch_tokens, context.seed)
        matrices = low_rank.matrices(model)
        found = {name: low_rank.decompose(each.weight, seen.get(name)) for name, each in matrices.items()}
        if self.budget is not None:
            ranks = low_rank.ranks_by_budget(found, self.budget)
        elif self.energy is not None:
            ranks = low_rank.ranks_by_energy(found, self.energy)
        else:
            assert self.rank is not None
            ranks = low_rank.ranks_alike({name: each.size for name, each in found.items()}, self.rank)
        low_rank.check_smaller(ranks)
        return StageResult(low_rank.with_ranks(model, found, ranks))


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
        check_factorizable(self.rank, shape.width, shape.family, spec.head == "words")
        return spec.shaped(
            shape.cut(rank=self.rank, family="electra"),
            no_masked_head="cannot train the masked-LM head of a model of the family 'electra'",
        )

    def run(self, model: Model, context: Context) -> StageResult:
        """The model with narrow embeddings."""
        return StageResult(factorize(model, self.rank))
