"""Training and cached data for the stages that train."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence, digest
from finkd.data.arrays import Array, mapped
from finkd.data.batches import TrainingData
from finkd.data.dataset import cut
from finkd.losses.term import Loss
from finkd.models.heads import with_head
from finkd.models.model import Model
from finkd.stages.stage import Context
from finkd.store import address
from finkd.system.precision import Precision
from finkd.tokenization.tokenizer import Tokenizer
from finkd.training.schedule import Schedule
from finkd.training.teacher_states import Keeper, States
from finkd.training.teachers import Teacher
from finkd.training.trainer import train
from finkd.training.weight_constraints import Constraint


def copied(model: Model) -> Model:
    """A copy whose weights may be changed."""
    return Model(copy.deepcopy(model.network), model.tokenizer, model.labels)


def trainable(model: Model, context: Context) -> Model:
    """A copy of the model with a head for the corpus's labels."""
    return with_head(copied(model), context.labels, context.seed)


def check_tagger(model: Model, context: Context, stage: str) -> None:
    """See that a model scores the corpus's labels, because a stage asks for its loss.

    Raises:
        ConfigError: if it does not.
    """
    if not model.labels or model.labels != tuple(context.labels):
        raise ConfigError(
            f"{stage}: asks the loss of a tagger of a labelled corpus; name the corpus (--corpus), or put finetune "
            "before"
        )


def examples(
    sentences: Iterable[Sentence],
    student: Model,
    context: Context,
    labels: Sequence[str] = (),
    teacher: Model | None = None,
) -> TrainingData:
    """Sentences as a student reads them, and its teacher, from the store of an experiment; cut now if not before.

    Args:
        sentences: gone through twice.
        student: whose tokenizer cuts the text.
        context: the experiment.
        labels: as for ``TrainingData.of``.
        teacher: the same, if what it computes is needed.
    """

    def keep(
        sentences: Iterable[Sentence], tokenizers: Mapping[str, Tokenizer], labels: Sequence[str], limit: int
    ) -> Mapping[str, Array]:
        cutters = {side: tokenizer.fingerprint for side, tokenizer in tokenizers.items()}
        key = address(
            {"examples": digest(sentences), "cutters": cutters, "labels": labels, "limit": limit, "version": 1}
        )
        fill = partial(cut, sentences, tokenizers, labels, limit)
        return mapped(context.store.made(key, {"kind": "examples"}, fill).folder)

    return TrainingData.of(sentences, student, labels, teacher, keep=keep)


def kept_states(
    teacher: Model,
    key: str,
    data: TrainingData,
    terms: Sequence[Loss],
    student: Model,
    schedule: Schedule,
    context: Context,
) -> States:
    """A teacher's states of all examples, from the store of an experiment; computed now if they are not in it.

    Args:
        teacher: the model.
        key: its content address.
        data: the examples.
        terms: loss terms, which say what states are needed.
        student: whose layers they map.
        schedule: its precision is the teacher's too.
        context: the experiment.
    """
    assert data.teacher is not None
    keeper = Keeper(teacher, key, _precision(schedule, context), context.store, context.listen)
    return keeper.states(data.teacher, terms, len(student.layers))


def fit(
    model: Model,
    data: TrainingData,
    losses: Sequence[Loss],
    schedule: Schedule,
    context: Context,
    teacher: Teacher | None = None,
    constraint: Constraint | None = None,
) -> int:
    """``finkd.training.trainer.train`` in the experiment's precision, with its seed, watched and checkpointed."""
    schedule = replace(schedule, precision=_precision(schedule, context))
    return train(
        model,
        data,
        losses,
        schedule,
        context.seed,
        teacher,
        context.listen,
        context.checkpoints,
        context.look,
        constraint,
    )


def _precision(schedule: Schedule, context: Context) -> Precision:
    """The experiment's precision, unless the stage's settings name another."""
    return context.precision if schedule.precision == "auto" else schedule.precision
