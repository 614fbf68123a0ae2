"""Training, loss terms and cached data for the stages that train."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Literal

from finkd.corpora.sentence import Sentence, digest
from finkd.data.arrays import Array, mapped
from finkd.data.batches import TrainingData
from finkd.data.dataset import cut
from finkd.losses import build_terms
from finkd.losses.term import MASKING, Loss, Requirement
from finkd.machine.precision import Precision
from finkd.models.heads import with_head
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.settings import described
from finkd.stages.stage import Context, Stage
from finkd.store import address
from finkd.tokenization.tokenizer import Tokenizer
from finkd.training.loss_weighting import balancing_version
from finkd.training.schedule import Schedule
from finkd.training.teacher_outputs import TeacherOutputs
from finkd.training.teacher_states import Keeper, States, check_kept
from finkd.training.trainer import train
from finkd.training.vocabulary_mixing import check_mixing
from finkd.training.weight_constraints import Constraint

Losses = str | Mapping[str, Mapping[str, Any]]


def trainable(model: Model, context: Context) -> Model:
    """A copy of the model with a head for the corpus's labels."""
    return with_head(model.copied(), context.labels, context.seed)


def examples(
    sentences: Iterable[Sentence],
    student: Model,
    context: Context,
    labels: Sequence[str] = (),
    teacher: Model | None = None,
) -> TrainingData:
    """Sentences as a student reads them, and its teacher, from the store of an experiment; tokenized now if not before.

    Args:
        sentences: gone through twice.
        student: whose tokenizer is used.
        context: the experiment.
        labels: as for ``TrainingData.of``.
        teacher: the same, if what it computes is needed.
    """

    def keep(
        sentences: Iterable[Sentence], tokenizers: Mapping[str, Tokenizer], labels: Sequence[str], limit: int
    ) -> Mapping[str, Array]:
        cutters = {side: tokenizer.fingerprint for side, tokenizer in tokenizers.items()}
        key = address(
            {"examples": digest(sentences), "cutters": cutters, "labels": labels, "limit": limit, "version": 2}
        )
        fill = partial(cut, sentences, tokenizers, labels, limit)
        return mapped(context.store.made(key, {"kind": "examples"}, fill).folder)

    return TrainingData.of(sentences, student, labels, teacher, keep=keep)


def fit(
    model: Model,
    data: TrainingData,
    losses: Sequence[Loss],
    schedule: Schedule,
    context: Context,
    teacher: TeacherOutputs | None = None,
    constraint: Constraint | None = None,
) -> int:
    """``finkd.training.trainer.train`` in the experiment's precision, with its seed, watched and checkpointed."""
    schedule = replace(schedule, precision=_precision(schedule, context))
    watched = context.listen, context.checkpoints, context.look
    return train(model, data, losses, schedule, context.seed, teacher, *watched, constraint)


def _precision(schedule: Schedule, context: Context) -> Precision:
    """The experiment's precision, unless the stage's settings name another."""
    return context.precision if schedule.precision == "auto" else schedule.precision


class LearningStage(Stage):
    """A stage that trains with loss terms from its configuration, whose implementations add the fields.

    Attributes:
        losses: loss term -> its settings, or the name of a recipe (``finkd list recipes``).
        schedule: how long and how fast.
        cache_teacher_outputs: whether the teacher's hidden states are computed once and kept in the store; ``int8``
            keeps them in 8 bits.
        refused: requirements of a term that the stage cannot meet.
        why: says so of a term that has one.
    """

    losses: Losses
    schedule: Schedule
    cache_teacher_outputs: bool | Literal["int8"] = False
    refused: ClassVar[Requirement] = MASKING
    why: ClassVar[str] = "hides words, which a tagger has to read; use distill"

    @property
    def state_bytes(self) -> int:
        """Bytes of each number of the teacher's hidden states on disk: 0 without a cache, 2 in bf16."""
        return {False: 0, True: 2, "int8": 1}[self.cache_teacher_outputs]

    def terms(self) -> list[Loss]:
        """The loss terms that the configuration names."""
        terms = build_terms(self.losses, self.refused, self.why)
        check_mixing(self.schedule, terms)
        if self.cache_teacher_outputs:
            check_kept(terms)
        return terms

    def cache_inputs(self, context: Context) -> dict[str, Any]:
        """The loss terms, seed and precision."""
        return {
            "losses": [described(term) for term in self.terms()],
            **context.inputs("seed", "precision"),
            **balancing_version(self.schedule.gradient_norm_balancing and len(self.terms()) > 1),
        }

    def _check_losses(self, student: ModelSpec | None, teacher: ModelSpec | None) -> None:
        """Check that the losses can compare two models, as far as it is known what these are.

        Raises:
            ConfigError: if they cannot.
        """
        if student is None or teacher is None:
            return
        for term in self.terms():
            if Requirement.ATTENTION in term.requires:
                for spec in (student, teacher):
                    spec.check_attention("losses")
            if student.sizes is not None and teacher.sizes is not None:
                term.check(student.sizes, teacher.sizes)

    def _states(self, teacher: Model, key: str, data: TrainingData, student: Model, context: Context) -> States:
        """A teacher's states of all examples, from the store of an experiment; computed now if they are not in it."""
        assert data.teacher is not None
        bits: Literal[0, 8] = 8 if self.cache_teacher_outputs == "int8" else 0
        keeper = Keeper(teacher, key, _precision(self.schedule, context), context.store, context.listen, bits)
        return keeper.states(data.teacher, self.terms(), student.encoder.config.num_hidden_layers)
