"""One text in the tokens of two tokenizers: some stretches as the one cuts them, the others as the other does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from finkd.tokenization.alignment import Alignment
from finkd.tokenization.tokenizer import Longs, Tokens


def mix(alignment: Alignment, taken: npt.NDArray[np.bool_], offset: int) -> Tokens:
    """The student's tokens, with those of some chunks replaced by the teacher's.

    A chunk is what both tokenizers cut out whole, so the text is covered once whichever side is taken (mixed-vocabulary
    training: Zhao et al., arXiv 1909.11687, section 3.1, who mix words).

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

    nothing = np.zeros(int(take.sum()), np.bool_)
    opening, closing = (np.concatenate([side[keep], nothing])[order] for side in (student.opening, student.closing))
    counts = np.bincount(row, minlength=len(student))
    rows = np.concatenate(([0], np.cumsum(counts)))
    return Tokens(joined("ids", offset), joined("starts"), joined("ends"), rows, student.lengths, opening, closing)


def _row(tokens: Tokens) -> Longs:
    return np.repeat(np.arange(len(tokens)), np.diff(tokens.rows))


def _place(tokens: Tokens) -> Longs:
    """(tokens,) first character of each, before all for the opening token and after all for the closing one."""
    after = np.repeat(tokens.lengths, np.diff(tokens.rows))
    return np.where(tokens.opening, -1, np.where(tokens.closing, after + 1, tokens.starts.astype(np.int64)))
