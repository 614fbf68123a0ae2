"""Mixed-vocabulary training: one encoder reads the tokens of two vocabularies."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import nn

from finkd.corpora.errors import ConfigError
from finkd.losses.term import MASKING, Loss, Requirement
from finkd.models.model import Model
from finkd.training.schedule import Schedule
from finkd.training.step import required_by


def check_mixing(schedule: Schedule, losses: Sequence[Loss]) -> None:
    """Check that a training which mixes vocabularies can do so.

    Raises:
        ConfigError: if its losses do not look at a teacher's states, or know one vocabulary only.
    """
    requirements = required_by(losses)
    if not schedule.mixing:
        return
    if Requirement.EMBEDDINGS in requirements:
        raise ConfigError("schedule.mixing: cannot be used with the loss 'embedding', which knows one vocabulary")
    if requirements & MASKING:
        raise ConfigError("schedule.mixing: cannot be used with a masked-LM head, which writes one vocabulary")
    if not requirements & (Requirement.HIDDEN_STATES | Requirement.ATTENTION):
        raise ConfigError(
            "schedule.mixing: needs a loss that looks at the teacher's states, such as aligned-hidden-states"
        )


@contextlib.contextmanager
def both_vocabularies(student: Model, teacher: Model) -> Iterator[None]:
    """Append the teacher's entries to the student's embeddings within a ``with`` block.

    A student whose text is first cut mostly as its teacher's and then ever more by its own vocabulary learns the new
    entries in contexts that its layers know (mixed-vocabulary training: Zhao et al., arXiv 1909.11687). What it learnt
    of its own entries stays; the teacher's entries are dropped again.

    Args:
        student: changed in place.
        teacher: whose embeddings are added.

    Raises:
        ConfigError: if the embeddings differ in width, or are tied to a masked-LM head.
    """
    own, theirs, entries = student.embeddings, teacher.embeddings.weight.detach(), len(student.tokenizer)
    if own.weight.shape[1] != theirs.shape[1]:
        raise ConfigError(
            f"schedule.mixing: teacher and student must have embeddings of one width (got {theirs.shape[1]} and "
            f"{own.weight.shape[1]})"
        )
    if student.has_masked_head:
        raise ConfigError("schedule.mixing: cannot be used with a masked-LM head, which writes one vocabulary")
    # Tables may have rows beyond the entries of their tokenizer, whose number the ids count from.
    joint = torch.cat([own.weight.detach()[:entries], theirs[: len(teacher.tokenizer)].to(own.weight)])
    table = nn.Embedding(len(joint), joint.shape[1], padding_idx=own.padding_idx, _weight=joint)
    student.encoder.set_input_embeddings(table)
    try:
        yield
    finally:
        with torch.no_grad():
            own.weight[:entries] = student.embeddings.weight[:entries]
        student.encoder.set_input_embeddings(own)
