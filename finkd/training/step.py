"""The forward half of a training step: both models, and the losses between them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from corpora.errors import ConfigError
from finkd.data.batches import Batch
from finkd.losses.alignment import Masked
from finkd.losses.term import Loss, Outputs, Side
from finkd.losses.vocabularies import Vocabularies
from finkd.models.model import Model
from finkd.system.precision import in_precision
from finkd.training.distributed_forward import forward_together
from finkd.training.teacher_states import States


@dataclass(frozen=True)
class Teacher:
    """What a student learns from.

    Attributes:
        model: the teacher, asked for its states while the student trains; ``None`` if no term needs them.
        logits: (words, labels) its label scores of all words of the data, if they were computed before.
        states: the teacher's hidden states of all tokens, if they were computed before; it is not run then.
    """

    model: Model | None = None
    logits: Tensor | None = None
    states: States | None = None


class Step(nn.Module):
    """Runs both models, no further than the active terms need.

    Args:
        student: what is trained.
        projection: a map from its width to the teacher's, trained along, if the losses need one.
        losses: the terms.
        teacher: what they learn from.
        device: where it runs.
        precision: what it computes in.
        apart: whether it computes with weights of its own in fp32 too, because they are not those that learn.
    """

    def __init__(
        self,
        student: Model,
        projection: nn.Linear | None,
        losses: Sequence[Loss],
        teacher: Teacher,
        device: torch.device,
        precision: Literal["fp32", "bf16"],
        apart: bool = False,
    ) -> None:
        super().__init__()
        network = copy.deepcopy(student.network) if apart else student.network
        self.network = in_precision(network, precision)
        self.projection = in_precision(projection, precision) if projection else None
        self.losses = losses
        self.needs = needed_by(losses)
        self.logits = teacher.logits.to(device) if teacher.logits is not None else None
        # In a tuple the teacher is no part of this module, whose weights are trained.
        self.teacher: tuple[PreTrainedModel, ...] = ()
        self.entries = [len(student.tokenizer)]
        self.vocabularies: Vocabularies | None = None
        self.embeddings: Tensor | None = None
        if teacher.model is not None:
            network = in_precision(teacher.model.network, precision)
            self.teacher = (network.to(device).train(False),)  # type: ignore[arg-type]
            self.entries.append(len(teacher.model.tokenizer))
            self.vocabularies = Vocabularies(teacher.model.tokenizer, student.tokenizer, device)
            if "embeddings" in self.needs:
                self.embeddings = self.vocabularies.embeddings(teacher.model.embeddings.weight.detach()).to(device)

    def forward(self, batch: Batch, known: Side | None = None) -> Tensor:
        """(terms,) unweighted losses of a batch; of what is known of the teacher's side, nothing is computed again."""
        places = [None if each is None else each.student.at for each in _asked(batch)]
        student = forward_together(self.network, batch.student, self.needs, *places)
        student = _without_spare_entries(student, self.entries[0])
        outputs = Outputs(student, self._teach(batch, known), batch.labels, batch.aligned, self.vocabularies)
        if self.projection is not None:
            outputs = replace(outputs, project=self.projection)
        return torch.stack([loss(outputs) for loss in self.losses])

    @torch.no_grad()
    def _teach(self, batch: Batch, known: Side | None) -> Side:
        side = known or Side()
        needs = self.needs & {"hidden", "attention", "masked", "everywhere"}
        is_asked = bool(needs) or (self.logits is None and "words" in self.needs)
        if known is None and is_asked and self.teacher and batch.teacher is not None:
            places = [None if each is None else each.teacher.at for each in _asked(batch)]
            side = forward_together(self.teacher[0], batch.teacher, needs, *places)
            side = _without_spare_entries(side, self.entries[1])
        return replace(
            side,
            words=side.words if self.logits is None else self.logits[batch.words],
            embeddings=self.embeddings[batch.student.token_ids] if self.embeddings is not None else None,
        )


def _without_spare_entries(side: Side, entries: int) -> Side:
    """Scores of the tokenizer's entries alone: models may have more, to fill up a round number."""
    masked = side.masked
    # Slopes of a slice, even of all of a tensor, are copied once more on their way back.
    if masked is not None and masked.shape[1] > entries:
        masked = masked[:, :entries]
    return replace(
        side,
        masked=masked,
        everywhere=None if side.everywhere is None else side.everywhere.entries(entries),
    )


def _asked(batch: Batch) -> tuple[Masked | None, Masked | None]:
    """The text that masked-LM heads are asked for: what is hidden, and everything."""
    return (batch.aligned.masked, batch.aligned.everywhere) if batch.aligned else (None, None)


def needed_by(losses: Sequence[Loss]) -> frozenset[str]:
    """What some terms look at together."""
    return frozenset[str]().union(*(loss.needs for loss in losses))


def width_map(student: Model, teacher: Model | None, needs: frozenset[str], seed: int) -> nn.Linear | None:
    """A map from the student's states to the teacher's, where a term compares them and the widths differ.

    Args:
        student: what is trained.
        teacher: whose states it learns from.
        needs: what the terms look at.
        seed: of the map's weights.

    Raises:
        ConfigError: if token embeddings are compared that are narrower than the encoder.
    """
    if teacher is None or not needs & {"hidden", "embeddings"}:
        return None
    ours, theirs = student.encoder.config.hidden_size, teacher.encoder.config.hidden_size
    if "embeddings" in needs and student.embeddings.weight.shape[1] != ours:
        raise ConfigError(
            "losses.embedding: cannot compare factorised embeddings; aligned-hidden-states compares what they become"
        )
    if ours == theirs:
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Linear(ours, theirs, bias=False)
