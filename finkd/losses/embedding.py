"""Distillation of token embeddings across vocabularies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from finkd.corpora.errors import ConfigError
from finkd.losses.term import Loss, Requirement, StepOutputs
from finkd.models.shape import Shape


@dataclass(frozen=True)
class Embedding(Loss):
    """sum_j |P e_s(j) - sum_t W_s(j),t E_t|^2 / sum_j |sum_t W_s(j),t E_t|^2 over the tokens j of the batch.

    W spells each student entry in teacher entries (``finkd.tokenization.maps``), so the term holds the student's
    embeddings where the transfer put them; P is the identity, or a learnt map where the widths differ. Entries count as
    often as they occur. Under one vocabulary W is the identity, and the term is TinyBERT's embedding loss on token
    embeddings (Jiao et al., arXiv 1909.10351, equation 9), relative to the teacher's scale.
    """

    requires: ClassVar[Requirement] = Requirement.EMBEDDINGS

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar; 0 without tokens."""
        assert outputs.student.embeddings is not None
        assert outputs.teacher.embeddings is not None
        target = outputs.teacher.embeddings.float()
        difference = outputs.project(outputs.student.embeddings).float() - target
        return difference.square().sum() / target.square().sum().clamp(min=1e-6)

    def check(self, student: Shape, teacher: Shape) -> None:
        """Check before any training that the embeddings are as wide as the encoders.

        Raises:
            ConfigError: if they are not.
        """
        check_widths((student.rank, student.width), (teacher.rank, teacher.width))


def check_widths(*models: tuple[int, int]) -> None:
    """Check that the embeddings of models, given with the width of each, are as wide as that.

    Raises:
        ConfigError: if they are not.
    """
    if any(embeddings != width for embeddings, width in models):
        raise ConfigError(
            "losses.embedding: cannot compare factorised embeddings; aligned-hidden-states compares what they become"
        )
