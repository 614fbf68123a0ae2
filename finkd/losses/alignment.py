"""The alignment of a batch as tensors, as losses read it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

T = TypeVar("T")


@dataclass(frozen=True)
class Pool:
    """Sources averaged into targets, as ``embedding_bag`` takes it (see ``finkd.tokenization.alignment.Pooling``).

    Attributes:
        indices: (pairs,) rows of the sources, grouped by target.
        offsets: (targets,) start of each group.
        weights: (pairs,) shares, which sum to one in each group that is not empty.
        covered: (targets,) True where a group is not empty.
    """

    indices: Tensor
    offsets: Tensor
    weights: Tensor
    covered: Tensor

    def average(self, states: Tensor) -> Tensor:
        """Average the sources' states by weight.

        Args:
            states: (sources, width).

        Returns:
            (targets, width); zero where a group is empty.
        """
        return functional.embedding_bag(
            self.indices, states, self.offsets, mode="sum", per_sample_weights=self.weights.to(states.dtype)
        )


@dataclass(frozen=True)
class Chunks:
    """The smallest spans at whose ends both tokenizations have a border, special tokens included.

    Attributes:
        student: the student's tokens averaged into chunks.
        teacher: the teacher's.
        row: (chunks,) example of each chunk within the batch.
        column: (chunks,) its place within the example.
        shape: examples of the batch, chunks of the longest.
    """

    student: Pool
    teacher: Pool
    row: Tensor
    column: Tensor
    shape: tuple[int, int]

    def lay_out(self, states: Tensor) -> Tensor:
        """Reshape (chunks, width) to (batch, longest, width), with zeros beyond an example's chunks."""
        laid = states.new_zeros(*self.shape, states.shape[-1])
        return laid.index_put((self.row, self.column), states)

    @cached_property
    def mask(self) -> Tensor:
        """(batch, longest) True where there is a chunk."""
        mask = torch.zeros(self.shape, dtype=torch.bool, device=self.row.device)
        mask[self.row, self.column] = True
        return mask


@dataclass(frozen=True)
class MaskedTokens:
    """The tokens that the masked-LM head of one side predicts, in order.

    Attributes:
        at: (masked,) index of each among the tokens of the batch, padding left out.
        ids: (masked,) what stood there.
        chunk: (masked,) number of its chunk among the hidden ones, never falling.
        row: (masked,) example of each within the batch.
    """

    at: Tensor
    ids: Tensor
    chunk: Tensor
    row: Tensor

    @cached_property
    def rank(self) -> Tensor:
        """(masked,) place of each token within its chunk, from 0."""
        return places(self.chunk)


@dataclass(frozen=True)
class MaskedText:
    """Text that both masked-LM heads predict: whole chunks, so that both predict the same characters.

    Attributes:
        student: the student's tokens of it.
        teacher: the teacher's.
        chunks: number of masked chunks; each has at least one token on both sides.
    """

    student: MaskedTokens
    teacher: MaskedTokens
    chunks: int

    @cached_property
    def sizes(self) -> tuple[Tensor, Tensor]:
        """(chunks,) number of student tokens and of teacher tokens in each masked chunk."""
        return (
            torch.bincount(self.student.chunk, minlength=self.chunks),
            torch.bincount(self.teacher.chunk, minlength=self.chunks),
        )

    @cached_property
    def first_teacher(self) -> Tensor:
        """(masked student tokens,) index, among the teacher's masked tokens, of the first in the same chunk."""
        return torch.searchsorted(self.teacher.chunk, self.student.chunk)


@dataclass(frozen=True)
class BatchAlignment:
    """Alignment of the tokens of both models in one batch.

    Attributes:
        to_student: teacher tokens averaged into student tokens by shared characters.
        chunks: common stretches, if a term needs them.
        masked: masked text, if a term needs any.
        everywhere: all of the text in the same form, if a term needs it.
    """

    to_student: Pool
    chunks: Chunks | None = None
    masked: MaskedText | None = None
    everywhere: MaskedText | None = None


def places(groups: Tensor) -> Tensor:
    """Return (members,) the rank of each member within its group, from 0; group numbers ascend."""
    return torch.arange(len(groups), device=groups.device) - torch.searchsorted(groups, groups)


def to_device(value: T, device: torch.device) -> T:
    """Move every tensor within nested dataclasses and tuples to a device."""
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)  # type: ignore[return-value]
    if isinstance(value, tuple):
        return tuple(to_device(each, device) for each in value)  # type: ignore[return-value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        moved: dict[str, Any] = {f.name: to_device(getattr(value, f.name), device) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **moved)
    return value
