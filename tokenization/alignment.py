"""Alignment of teacher and student tokens that cover the same characters, and texts in tokens of both.

Both tokenizers see the same original text, so a token is an interval of characters. Two tokens are aligned when their
intervals overlap, and the number of shared characters is the weight. Special tokens get an interval of their own before
and after each text, so ``[CLS]`` meets ``<s>`` by role and not by spelling.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from finkd.tokenization.tokens import Ints, Longs, Tokens

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Pooling:
    """A sparse matrix in the form that ``torch.nn.functional.embedding_bag`` takes: row ``j`` averages its sources.

    Attributes:
        indices: (pairs,) flat source tokens, grouped by target.
        offsets: (targets + 1,) where each target's group starts.
        weights: (pairs,) shares, which sum to one in each non-empty group.
    """

    indices: Longs
    offsets: Longs
    weights: Floats

    @cached_property
    def covered(self) -> npt.NDArray[np.bool_]:
        """(targets,) True where a target has at least one source."""
        return np.diff(self.offsets) > 0


@dataclass(frozen=True)
class Alignment:
    """The overlap between the tokens of two tokenizers over the same texts, as a sparse matrix.

    Attributes:
        teacher: the teacher's tokens.
        student: the student's tokens, of the same texts.
        teacher_index: (pairs,) flat index of the teacher token, never falling within a student token.
        student_index: (pairs,) flat index of the student token, never falling.
        overlap: (pairs,) shared characters, at least one.
    """

    teacher: Tokens
    student: Tokens
    teacher_index: Longs
    student_index: Longs
    overlap: Ints

    def to_student(self) -> Pooling:
        """Teacher tokens averaged into each student token: A = o normalised by student token."""
        return _pool(self.teacher_index, self.student_index, self.overlap, len(self.student.ids))

    @cached_property
    def chunk_of_pair(self) -> Longs:
        """(pairs,) number of the shortest stretch of text that both tokenizers begin and end at the same characters.

        A chunk is a connected component of the overlap: both sides end at its last character.
        """
        if len(self.teacher_index) == 0:
            return np.zeros(0, np.int64)
        # Tokens that share a span (bytes of one character) make the teacher index fall back; only its maximum counts.
        highest = np.maximum.accumulate(self.teacher_index)
        opens = (np.diff(self.student_index) > 0) & (self.teacher_index[1:] > highest[:-1])
        return np.concatenate(([0], np.cumsum(opens)))

    @cached_property
    def chunk_count(self) -> int:
        """Number of chunks."""
        return int(self.chunk_of_pair[-1]) + 1 if len(self.chunk_of_pair) else 0

    @cached_property
    def chunks(self) -> tuple[Longs, Longs]:
        """Chunk of every teacher token and of every student token, -1 where a token is aligned to nothing."""
        teacher = np.full(len(self.teacher.ids), -1, np.int64)
        student = np.full(len(self.student.ids), -1, np.int64)
        teacher[self.teacher_index] = self.chunk_of_pair
        student[self.student_index] = self.chunk_of_pair
        return teacher, student

    @property
    def coverage(self) -> float:
        """Share of the student's characters that some teacher token covers (special tokens left out)."""
        student = self.student
        total = int((student.ends - student.starts).clip(min=0).sum())
        text = ~student.framing[self.student_index]
        # Several tokens may hold the bytes of one character: count each student token's characters at most once.
        per_token = np.bincount(self.student_index[text], weights=self.overlap[text], minlength=len(student.ids))
        covered = np.minimum(per_token, student.ends - student.starts).sum()
        return float(covered / total) if total else 1.0


def align(teacher: Tokens, student: Tokens) -> Alignment:
    """Align a batch: two binary searches over all characters of the batch, no loop over texts or tokens.

    Raises:
        ValueError: if the two are not of the same texts.

    Example:
        >>> import finkd
        >>> names = ("tagger", "tokenizer")
        >>> teacher, student = (finkd.Tokenizer.load(name).encode(["Acme fell."]) for name in names)
        >>> alignment = finkd.align(teacher, student)
        >>> len(alignment.chunks[1]) == len(student.ids)
        True
    """
    if len(teacher) != len(student) or not np.array_equal(teacher.lengths, student.lengths):
        raise ValueError("align: teacher and student tokens come from different texts")
    teacher_token, teacher_start, teacher_end = _intervals(teacher)
    student_token, student_start, student_end = _intervals(student)
    # A teacher token overlaps student token j iff it ends after j's start and starts before j's end.
    first = np.searchsorted(teacher_end, student_start, side="right")
    last = np.searchsorted(teacher_start, student_end, side="left")
    counts = np.maximum(last - first, 0)
    total = int(counts.sum())
    within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    teacher_at = np.repeat(first, counts) + within
    student_at = np.repeat(np.arange(len(counts)), counts)
    overlap = np.minimum(teacher_end[teacher_at], student_end[student_at]) - np.maximum(
        teacher_start[teacher_at], student_start[student_at]
    )
    return Alignment(teacher, student, teacher_token[teacher_at], student_token[student_at], overlap.astype(np.int32))


def mix_tokens(alignment: Alignment, taken: npt.NDArray[np.bool_], offset: int) -> Tokens:
    """Replace the student's tokens in some chunks by the teacher's.

    Both tokenizers begin and end a chunk at the same characters, so the text is covered once whichever side is taken
    (mixed-vocabulary training: Zhao et al., arXiv 1909.11687, section 3.1, who mix words).

    Args:
        alignment: of the two.
        taken: (chunks,) True where the teacher's tokens are taken; special tokens stay the student's.
        offset: added to the ids of the teacher's tokens, so that they can be told from the student's.
    """
    teacher, student = alignment.teacher, alignment.student
    of_teacher, of_student = alignment.chunks
    chosen = np.append(taken, False)  # for tokens that belong to no chunk, whose number is -1
    keep = ~chosen[of_student] | student.framing
    take = chosen[of_teacher] & ~teacher.framing
    row = np.concatenate([_row(student)[keep], _row(teacher)[take]])
    place = np.concatenate([_place(student)[keep], _place(teacher)[take]])
    order = np.lexsort((np.arange(len(row)), place, row))

    def joined(name: str, shift: int = 0) -> npt.NDArray[np.int32]:
        both = np.concatenate([getattr(student, name)[keep], getattr(teacher, name)[take] + shift])
        return np.asarray(both[order].astype(np.int32))

    cases = np.concatenate([student.cases[keep], teacher.cases[take]])[order]
    nothing = np.zeros(int(take.sum()), np.bool_)
    opening, closing = (np.concatenate([side[keep], nothing])[order] for side in (student.opening, student.closing))
    counts = np.bincount(row, minlength=len(student))
    rows = np.concatenate(([0], np.cumsum(counts)))
    return Tokens(
        joined("ids", offset), joined("starts"), joined("ends"), rows, student.lengths, opening, closing, cases
    )


def _row(tokens: Tokens) -> Longs:
    return np.repeat(np.arange(len(tokens)), np.diff(tokens.rows))


def _place(tokens: Tokens) -> Longs:
    """Return the (tokens,) first character of each; -1 for the opening token, the text's length for the closing one.

    Closing tokens between the two texts of a pair stand at the character between them.
    """
    counts = np.diff(tokens.rows)
    lengths = np.repeat(tokens.lengths, counts)
    # The last token of each row that closes nothing; what comes after it closes the row.
    inner = np.maximum.accumulate(np.where(tokens.closing, -1, np.arange(len(tokens.ids))))
    ends = np.arange(len(tokens.ids)) > np.repeat(np.append(inner, -1)[tokens.rows[1:] - 1], counts)
    return np.where(tokens.opening, -1, np.where(ends, lengths, tokens.starts))


def word_rows(spans: list[tuple[tuple[int, int], ...]]) -> tuple[Longs, Longs, Longs]:
    """Return the word spans of a batch as flat arrays: starts, ends and (texts + 1,) row borders."""
    counts = np.fromiter((len(row) for row in spans), np.int64, len(spans))
    flat = np.array([span for row in spans for span in row], np.int64).reshape(-1, 2)
    return flat[:, 0], flat[:, 1], np.concatenate(([0], np.cumsum(counts)))


def first_tokens(tokens: Tokens, starts: Longs, ends: Longs, rows: Longs) -> Longs:
    """Return the flat index of the first token that touches each word, -1 for a word that no token covers.

    Args:
        tokens: the batch.
        starts: (words,) first character of each word.
        ends: (words,) character after its last one.
        rows: (texts + 1,) borders of the texts in ``starts`` and ``ends``.

    Returns:
        (words,) indices into ``tokens.ids``.
    """
    token, token_start, token_end = _intervals(tokens)
    shift = np.repeat(_bases(tokens) + 1, np.diff(rows))
    at = np.searchsorted(token_end, starts + shift, side="right")
    # A sentinel behind the last token, which touches nothing.
    touches = np.append(token_start, np.iinfo(np.int64).max)[at] < ends + shift
    return np.where(touches, np.append(token, -1)[at], -1)


def words_of_tokens(tokens: Tokens, starts: Longs, ends: Longs, rows: Longs) -> Longs:
    """Return the index of the word that each token begins in, -1 for tokens that begin in none (such as special ones).

    Args:
        tokens: the batch.
        starts: (words,) first character of each word.
        ends: (words,) character after its last one.
        rows: (texts + 1,) borders of the texts in ``starts`` and ``ends``.

    Returns:
        (tokens,) indices into ``starts``.
    """
    token, token_start, _ = _intervals(tokens)
    shift = np.repeat(_bases(tokens) + 1, np.diff(rows))
    found = np.full(len(tokens.ids), -1, np.int64)
    if len(starts):
        at = np.searchsorted(starts + shift, token_start, side="right") - 1
        inside = (at >= 0) & (token_start < (ends + shift)[at])
        found[token[inside]] = at[inside]
    return found


def _bases(tokens: Tokens) -> Longs:
    """Return where each text begins in the concatenation, with a place on either side for special tokens."""
    return np.concatenate(([0], np.cumsum(tokens.lengths + 2)))[:-1]


def _intervals(tokens: Tokens) -> tuple[Longs, Longs, Longs]:
    """Flat index, start and end of every token that covers something, in the coordinates of the whole batch."""
    starts = np.repeat(_bases(tokens), np.diff(tokens.rows)) + 1 + _place(tokens)
    sizes = np.where(tokens.framing, 1, tokens.ends - tokens.starts)
    covering = np.flatnonzero(sizes > 0)
    return covering, starts[covering], (starts + sizes)[covering]


def _pool(sources: Longs, targets: Longs, overlap: Ints, count: int) -> Pooling:
    """Group pairs, sorted by target, and normalise their overlaps to one per target."""
    sizes = np.bincount(targets, minlength=count)
    totals = np.bincount(targets, weights=overlap, minlength=count)
    weights = (overlap / totals[targets]).astype(np.float32)
    return Pooling(sources, np.concatenate(([0], np.cumsum(sizes))), weights)
