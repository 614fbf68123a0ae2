"""Batches of similar length that hold a budget of pieces, planned from the seed alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from finkd.examples import Encoded
from tokenization.alignment import align
from tokenization.tokenizer import Longs

_POOL = 64


def plan(lengths: Longs, budget: int, seed: int, epoch: int) -> list[Longs]:
    """Which examples go into which batch: shuffled, sorted by length within pools, cut by budget, shuffled again.

    The plan depends on nothing but its arguments, so an interrupted epoch can be taken up at any batch.

    Args:
        lengths: (examples,) pieces of each example.
        budget: pieces of one batch after padding; an example that is longer stands alone.
        seed: seed of the run.
        epoch: number of the pass over the data.

    Returns:
        index arrays that together hold every example once.
    """
    random = np.random.Generator(np.random.PCG64([seed, epoch]))
    order = random.permutation(len(lengths))
    pool = max(1, _POOL * budget // max(1, int(lengths.mean()) if len(lengths) else 1))
    batches: list[Longs] = []
    for start in range(0, len(order), pool):
        chunk = order[start : start + pool]
        batches += by_length(chunk[np.argsort(lengths[chunk], kind="stable")], lengths, budget)
    return [batches[i] for i in random.permutation(len(batches))]


def by_length(order: Longs, lengths: Longs, budget: int) -> list[Longs]:
    """Cut an ordering, short examples first, wherever the padded batch would exceed the budget."""
    batches = []
    start = 0
    for stop in range(1, len(order) + 1):
        if stop == len(order) or lengths[order[stop]] * (stop + 1 - start) > budget:
            batches.append(order[start:stop])
            start = stop
    return batches


@dataclass(frozen=True)
class Inputs:
    """One model's view of a batch.

    Attributes:
        ids: (batch, seq) piece ids.
        mask: (batch, seq) True at pieces, False at padding.
        words: (words,) position of each word's first piece in the flattened (batch * seq) sequence.
        pieces: (pieces,) position of each piece in the flattened sequence, in order, padding left out.
    """

    ids: Tensor
    mask: Tensor
    words: Tensor
    pieces: Tensor

    def to(self, device: torch.device) -> Inputs:
        """The same on a device."""
        return Inputs(*(t.to(device, non_blocking=True) for t in (self.ids, self.mask, self.words, self.pieces)))


@dataclass(frozen=True)
class Pool:
    """Teacher pieces averaged into student pieces, as ``embedding_bag`` takes it (see ``tokenization.alignment``).

    Attributes:
        indices: (pairs,) rows of the teacher's flat piece states.
        offsets: (student pieces,) start of each group.
        weights: (pairs,) shares.
        covered: (student pieces,) True where a teacher piece overlaps.
    """

    indices: Tensor
    offsets: Tensor
    weights: Tensor
    covered: Tensor

    def to(self, device: torch.device) -> Pool:
        """The same on a device."""
        return Pool(
            *(t.to(device, non_blocking=True) for t in (self.indices, self.offsets, self.weights, self.covered))
        )

    def average(self, states: Tensor) -> Tensor:
        """Means of the teacher's states over each student piece.

        Args:
            states: (teacher pieces, width).

        Returns:
            (student pieces, width); zero where no teacher piece overlaps.
        """
        return functional.embedding_bag(self.indices, states, self.offsets, mode="sum", per_sample_weights=self.weights)


@dataclass(frozen=True)
class Batch:
    """What one training step sees; it holds only words that both tokenizers cover.

    Attributes:
        student: the student's input.
        labels: (words,) gold label ids, ``IGNORED`` where there is none.
        words: (words,) index of each word among all words of the data set.
        teacher: the teacher's input, if a loss needs its states.
        pool: teacher pieces to student pieces, if a loss needs it.
    """

    student: Inputs
    labels: Tensor
    words: Tensor
    teacher: Inputs | None = None
    pool: Pool | None = None

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        return Batch(
            self.student.to(device),
            self.labels.to(device),
            self.words.to(device),
            self.teacher.to(device) if self.teacher else None,
            self.pool.to(device) if self.pool else None,
        )


def inputs(encoded: Encoded, rows: Longs, pad: int, words: Longs) -> Inputs:
    """Pad some examples to one length.

    Args:
        encoded: all examples.
        rows: the chosen ones.
        pad: id of the padding token.
        words: flat indices, over the data set, of the words to look up; all of them in the chosen rows.
    """
    pieces = encoded.pieces.take(rows)
    counts = np.diff(pieces.rows)
    longest = int(counts.max(initial=1))
    position = np.arange(pieces.rows[-1]) + np.repeat(np.arange(len(rows)) * longest - pieces.rows[:-1], counts)
    ids = np.full(len(rows) * longest, pad, np.int64)
    ids[position] = pieces.ids
    mask = np.zeros(len(ids), np.bool_)
    mask[position] = True
    # The example of each word, then its place in the batch and its distance from the example's first piece.
    source = np.searchsorted(encoded.word_rows, words, side="right") - 1
    place = np.zeros(len(encoded.lengths), np.int64)
    place[rows] = np.arange(len(rows))
    at = encoded.first[words] - encoded.pieces.rows[source] + place[source] * longest
    shape = (len(rows), longest)
    return Inputs(
        torch.from_numpy(ids.reshape(shape)),
        torch.from_numpy(mask.reshape(shape)),
        torch.from_numpy(at),
        torch.from_numpy(position),
    )


def words_of(encoded: Encoded, rows: Longs) -> Longs:
    """Flat indices of all words of the chosen examples, in their order."""
    counts = encoded.word_rows[rows + 1] - encoded.word_rows[rows]
    ends = np.cumsum(counts)
    words: Longs = np.arange(counts.sum()) + np.repeat(encoded.word_rows[rows] - ends + counts, counts)
    return words


@dataclass(frozen=True)
class TaggingData:
    """Examples as a training loop takes them.

    Attributes:
        student: the examples under the student's tokenizer.
        pad: its padding id.
        labels: (words,) gold label ids or ``IGNORED``.
        usable: (words,) False for words that no loss may look at: context of a window, or unseen by a tokenizer.
        teacher: the same examples under the teacher's tokenizer, if its states are needed.
        teacher_pad: the teacher's padding id.
    """

    student: Encoded
    pad: int
    labels: Longs
    usable: npt.NDArray[np.bool_]
    teacher: Encoded | None = None
    teacher_pad: int = 0

    @property
    def lengths(self) -> Longs:
        """(examples,) pieces of each example under the tokenizer that cuts it finer."""
        return self.student.lengths if self.teacher is None else np.maximum(self.student.lengths, self.teacher.lengths)

    def batch(self, rows: Longs, *, pooled: bool = False) -> Batch:
        """Collate examples.

        Args:
            rows: the chosen ones.
            pooled: whether to add the teacher's pieces and align them with the student's.
        """
        words = words_of(self.student, rows)
        words = words[self.usable[words] & (self.student.first[words] >= 0)]
        student = inputs(self.student, rows, self.pad, words)
        labels = torch.from_numpy(self.labels[words])
        if not pooled or self.teacher is None:
            return Batch(student, labels, torch.from_numpy(words))
        nothing = words[:0]
        teacher = inputs(self.teacher, rows, self.teacher_pad, nothing)
        return Batch(student, labels, torch.from_numpy(words), teacher, _pool(self.teacher, self.student, rows))


def _pool(teacher: Encoded, student: Encoded, rows: Longs) -> Pool:
    pooling = align(teacher.pieces.take(rows), student.pieces.take(rows)).to_student()
    return Pool(
        torch.from_numpy(pooling.indices),
        torch.from_numpy(pooling.offsets[:-1]),
        torch.from_numpy(pooling.weights),
        torch.from_numpy(pooling.covered),
    )
