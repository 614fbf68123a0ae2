"""Forward pass of a training step: both models and the loss terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Literal

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from finkd.data.batches import Batch
from finkd.inference.grammar import transitions
from finkd.losses.alignment import MaskedText
from finkd.losses.embedding import check_widths
from finkd.losses.term import MASKING, Loss, ModelOutputs, Requirement, Sequences, StepOutputs
from finkd.losses.vocabularies import Vocabularies
from finkd.machine.precision import in_precision
from finkd.models.model import Model
from finkd.training.distributed_forward import forward_together
from finkd.training.teacher_outputs import TeacherOutputs

_OF_TEACHER = MASKING | Requirement.HIDDEN_STATES | Requirement.ATTENTION
"""Requirements for which the teacher runs."""


class TrainingStep(nn.Module):
    """Runs both models as far as the active loss terms require.

    Args:
        student: what is trained.
        projection: a map from its width to the teacher's, trained along, if the losses need one.
        losses: the terms.
        teacher: what they learn from, if they need one.
        device: where it runs.
        precision: what it computes in.
        apart: whether it computes with weights of its own in fp32 too, because they are not those that learn.
    """

    def __init__(
        self,
        student: Model,
        projection: nn.Linear | None,
        losses: Sequence[Loss],
        teacher: TeacherOutputs | None,
        device: torch.device,
        precision: Literal["fp32", "bf16"],
        apart: bool = False,
    ) -> None:
        super().__init__()
        network = student.copied().network if apart else student.network
        self.network = in_precision(network, precision)
        self.projection = in_precision(projection, precision) if projection else None
        self.losses = losses
        self.requirements = required_by(losses)
        self.legal: tuple[Tensor, Tensor] | None = None
        if Requirement.SEQUENCES in self.requirements:
            before, free = (torch.from_numpy(each).to(device) for each in transitions(student.labels))
            self.legal = before, free
        # In a tuple the teacher is no part of this module, whose weights are trained.
        self.teacher: tuple[PreTrainedModel, ...] = ()
        self.entries = [len(student.tokenizer)]
        self.vocabularies: Vocabularies | None = None
        self.embeddings: Tensor | None = None
        if teacher is not None and teacher.model is not None:
            network = in_precision(teacher.model.network, precision)
            self.teacher = (network.to(device).train(False),)  # type: ignore[arg-type]
            self.entries.append(len(teacher.model.tokenizer))
            self.vocabularies = Vocabularies(teacher.model.tokenizer, student.tokenizer, device)
            if Requirement.EMBEDDINGS in self.requirements:
                self.embeddings = self.vocabularies.embeddings(teacher.model.embeddings.weight.detach()).to(device)

    def forward(self, batch: Batch, known: ModelOutputs | None = None) -> Tensor:
        """Return (terms,) unweighted losses of a batch; cached teacher outputs are not computed again."""
        places = [None if each is None else each.student.at for each in _asked(batch)]
        student = forward_together(self.network, batch.student, self.requirements, *places)
        student = _without_spare_entries(student, self.entries[0])
        sequences = Sequences(batch.sequences, batch.goes_on, *self.legal) if self.legal else None
        taught = self._teach(batch, known)
        outputs = StepOutputs(student, taught, batch.labels, sequences, batch.alignment, self.vocabularies)
        if self.projection is not None:
            outputs = replace(outputs, project=self.projection)
        return torch.stack([loss(outputs) for loss in self.losses])

    @torch.no_grad()
    def _teach(self, batch: Batch, known: ModelOutputs | None) -> ModelOutputs:
        known = known or ModelOutputs()
        side, logits, requirements = known, known.word_logits, self.requirements & _OF_TEACHER
        lacks_states = bool(requirements) and not known.hidden_states
        lacks_logits = logits is None and Requirement.WORD_LOGITS in self.requirements
        if (lacks_states or lacks_logits) and self.teacher and batch.teacher is not None:
            places = [None if each is None else each.teacher.at for each in _asked(batch)]
            side = forward_together(self.teacher[0], batch.teacher, requirements, *places)
            side = _without_spare_entries(side, self.entries[1])
        return replace(
            side,
            word_logits=side.word_logits if logits is None else logits,
            embeddings=self.embeddings[batch.student.token_ids] if self.embeddings is not None else None,
        )


def _without_spare_entries(side: ModelOutputs, entries: int) -> ModelOutputs:
    """Drop the logits of padding entries, which round a vocabulary up to a multiple."""
    masked = side.mlm_logits
    # Slopes of a slice, even of all of a tensor, are copied once more on their way back.
    if masked is not None and masked.shape[1] > entries:
        masked = masked[:, :entries]
    return replace(
        side,
        mlm_logits=masked,
        mlm_logits_everywhere=None
        if side.mlm_logits_everywhere is None
        else side.mlm_logits_everywhere.entries(entries),
    )


def _asked(batch: Batch) -> tuple[MaskedText | None, MaskedText | None]:
    """Return the text that masked-LM heads predict: masked tokens, and all tokens."""
    return (batch.alignment.masked, batch.alignment.everywhere) if batch.alignment else (None, None)


def required_by(losses: Sequence[Loss]) -> Requirement:
    """Combine the requirements of some terms."""
    return reduce(or_, (loss.requires for loss in losses), Requirement.NONE)


def width_map(student: Model, teacher: Model | None, requirements: Requirement, seed: int) -> nn.Linear | None:
    """Build the linear map from student to teacher states, if a term compares states of different widths.

    Args:
        student: what is trained.
        teacher: whose states it learns from.
        requirements: what the terms look at.
        seed: of the map's weights.

    Raises:
        ConfigError: if token embeddings are compared that are narrower than their encoder.
    """
    if teacher is None or not requirements & (Requirement.HIDDEN_STATES | Requirement.EMBEDDINGS):
        return None
    ours, theirs = (model.encoder.config.hidden_size for model in (student, teacher))
    if Requirement.EMBEDDINGS in requirements:
        check_widths((student.embeddings.weight.shape[1], ours), (teacher.embeddings.weight.shape[1], theirs))
    if ours == theirs:
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Linear(ours, theirs, bias=False)
