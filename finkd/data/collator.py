"""Collate arrays of tokens into the tensors of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from finkd.data.encoding import Encoded
from finkd.data.sampler import on_grid
from finkd.losses.alignment import BatchAlignment, Chunks, MaskedText, MaskedTokens, Pool
from finkd.losses.term import Requirement
from finkd.tokenization.alignment import Alignment, Pooling
from finkd.tokenization.tokens import Longs, Tokens

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ModelInputs:
    """Inputs of one model for a batch.

    Attributes:
        ids: (batch, seq) token ids.
        mask: (batch, seq) True at tokens, False at padding.
        first_token_positions: (words,) position of each word's first token in the flattened (batch * seq) sequence.
        tokens: (tokens,) position of each token in the flattened sequence, in order, padding left out.
        types: (batch, seq) cases of words, or 1 at tokens of a second text; ``None`` if all are of one type.
    """

    ids: Tensor
    mask: Tensor
    first_token_positions: Tensor
    tokens: Tensor
    types: Tensor | None = None

    @property
    def token_ids(self) -> Tensor:
        """(tokens,) ids without padding."""
        return self.ids.flatten()[self.tokens]


def model_inputs(
    encoded: Encoded, tokens: Tokens, first: Longs, limit: int, masked: Bools | None = None
) -> ModelInputs:
    """Pad examples to one length.

    Args:
        encoded: all examples, for the ids that fill up and hide.
        tokens: those of the chosen examples.
        first: (words,) first token of each word to look up, as an index into ``tokens``.
        limit: length that padding may not go beyond.
        masked: (tokens,) True where the mask token takes the place of a token.
    """
    counts = np.diff(tokens.rows)
    longest = int(counts.max(initial=1))
    longest = max(longest, min(on_grid(longest), limit))
    position = np.arange(tokens.rows[-1]) + np.repeat(np.arange(len(counts)) * longest - tokens.rows[:-1], counts)
    ids = np.full(len(counts) * longest, encoded.pad, np.int64)
    ids[position] = tokens.ids if masked is None else np.where(masked, encoded.mask, tokens.ids)
    mask = np.zeros(len(ids), np.bool_)
    mask[position] = True
    shape = (len(counts), longest)
    return ModelInputs(
        torch.from_numpy(ids.reshape(shape)),
        torch.from_numpy(mask.reshape(shape)),
        torch.from_numpy(position[first]),
        torch.from_numpy(position),
        _types(encoded, tokens, position, shape),
    )


def _types(encoded: Encoded, tokens: Tokens, position: Longs, shape: tuple[int, int]) -> Tensor | None:
    if encoded.gives_case:
        types = np.zeros(shape[0] * shape[1], np.int64)
        types[position] = tokens.cases
        return torch.from_numpy(types.reshape(shape))
    return torch.from_numpy(_second(tokens, position, shape)) if encoded.is_paired else None


def _second(tokens: Tokens, position: Longs, shape: tuple[int, int]) -> Longs:
    """Return (batch, seq) token types: 1 after the first closing token of a row."""
    closed: Longs = np.cumsum(tokens.closing) - tokens.closing
    counts = np.diff(tokens.rows)
    types = np.zeros(shape[0] * shape[1], np.int64)
    types[position] = closed > np.repeat(closed[tokens.rows[:-1]], counts)
    return types.reshape(shape)


def align_batch(alignment: Alignment, requirements: Requirement, masked: Bools) -> BatchAlignment:
    """Return as tensors the parts of an alignment that loss terms read.

    Args:
        alignment: of the tokens of a batch.
        requirements: what the terms look at.
        masked: (chunks,) True for chunks that are masked for both models.
    """
    return BatchAlignment(
        _pool(alignment.to_student()),
        _chunks(alignment) if Requirement.ATTENTION in requirements else None,
        _masked(alignment, masked) if Requirement.MLM_LOGITS in requirements else None,
        _masked(alignment, np.ones_like(masked)) if Requirement.MLM_LOGITS_EVERYWHERE in requirements else None,
    )


def _pool(pooling: Pooling) -> Pool:
    return Pool(
        torch.from_numpy(pooling.indices),
        torch.from_numpy(pooling.offsets[:-1]),
        torch.from_numpy(pooling.weights),
        torch.from_numpy(pooling.covered),
    )


def _chunks(alignment: Alignment) -> Chunks:
    of_teacher, of_student = alignment.chunks
    first = alignment.student_index[np.flatnonzero(np.diff(alignment.chunk_of_pair, prepend=-1))]
    row = np.searchsorted(alignment.student.rows, first, side="right") - 1
    counts = np.bincount(row, minlength=len(alignment.student))
    column = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return Chunks(
        _pool(_gather(of_student, len(row))),
        _pool(_gather(of_teacher, len(row))),
        torch.from_numpy(row),
        torch.from_numpy(column),
        (len(counts), int(counts.max(initial=0))),
    )


def _gather(chunk: Longs, count: int) -> Pooling:
    """Average tokens into their chunks, with equal weights; (tokens,) chunk numbers ascend, -1 is none."""
    members = np.flatnonzero(chunk >= 0)
    sizes = np.bincount(chunk[members], minlength=count)
    weights = (1 / sizes[chunk[members]]).astype(np.float32)
    return Pooling(members, np.concatenate(([0], np.cumsum(sizes))), weights)


def _masked(alignment: Alignment, masked: Bools) -> MaskedText:
    number = np.cumsum(masked) - 1
    teacher, student = (
        _masked_tokens(tokens, np.where((chunk >= 0) & masked[chunk], number[chunk], -1))
        for tokens, chunk in zip((alignment.teacher, alignment.student), alignment.chunks, strict=True)
    )
    return MaskedText(student, teacher, int(masked.sum()))


def _masked_tokens(tokens: Tokens, number: Longs) -> MaskedTokens:
    at = np.flatnonzero(number >= 0)
    row = np.searchsorted(tokens.rows, at, side="right") - 1
    return MaskedTokens(*map(torch.from_numpy, (at, tokens.ids[at].astype(np.int64), number[at], row)))
