"""Maps between two vocabularies, and how much of the student's they cover."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokens import Longs

Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class VocabularyMap:
    """Student entries as weighted means of teacher entries.

    Attributes:
        matrix: (student vocabulary, teacher vocabulary) non-negative float32; a row sums to one, or is empty where the
            student's entry has no counterpart.
        text: (student vocabulary,) True for entries that stand for text: neither special tokens nor unused ids.
    """

    matrix: sparse.csr_array
    text: Bools

    @cached_property
    def covered(self) -> Bools:
        """(student vocabulary,) True where an entry has a counterpart."""
        return np.diff(self.matrix.indptr) > 0

    @cached_property
    def best(self) -> Longs:
        """(student vocabulary,) teacher entry with the largest weight, the lowest id of equals; -1 if there is none."""
        found = np.full(self.matrix.shape[0], -1, np.int64)
        row = np.repeat(np.arange(self.matrix.shape[0]), np.diff(self.matrix.indptr))
        order = np.lexsort((-self.matrix.indices, self.matrix.data, row))
        found[row[order]] = self.matrix.indices[order]  # of several in a row the last one, which is the heaviest
        return found

    @property
    def coverage(self) -> float:
        """Share of the student's entries that have a counterpart, special tokens left out."""
        reached = self.covered[self.text]
        return float(reached.mean()) if len(reached) else 1.0

    def complete(self, fallback: int) -> sparse.csr_array:
        """Return the matrix with the empty rows given to one teacher entry, such as its unknown token."""
        empty = np.flatnonzero(~self.covered)
        filler = sparse.csr_array(
            (np.ones(len(empty), np.float32), (empty, np.full(len(empty), fallback))), shape=self.matrix.shape
        )
        return sparse.csr_array(self.matrix + filler)


class MapMethod(Protocol):
    """A way to map vocabularies. Implementations are frozen dataclasses, so that a config is a method.

    Attributes:
        needs_text: whether the result depends on a text, which has to be given then.
    """

    needs_text: ClassVar[bool]

    def __call__(self, teacher: Tokenizer, student: Tokenizer, texts: Iterable[str] = ()) -> VocabularyMap:
        """Map the student's entries to the teacher's; special tokens go by role in every method."""


def from_pairs(rows: Longs, columns: Longs, weights: Doubles, teacher: Tokenizer, student: Tokenizer) -> VocabularyMap:
    """A map from (student entry, teacher entry, weight) pairs; weights are normalised to one for each student entry."""
    totals = np.bincount(rows, weights=weights, minlength=len(student))
    shares = (weights / totals[rows]).astype(np.float32)
    matrix = sparse.csr_array((shares, (rows, columns)), shape=(len(student), len(teacher)))
    matrix.sum_duplicates()
    return VocabularyMap(matrix, stands_for_text(student))


def one_to_one(pairs: Mapping[int, int], teacher: Tokenizer, student: Tokenizer) -> VocabularyMap:
    """Return a map from student entry -> teacher entry."""
    rows = np.fromiter(pairs.keys(), np.int64, len(pairs))
    columns = np.fromiter(pairs.values(), np.int64, len(pairs))
    return from_pairs(rows, columns, np.ones(len(pairs)), teacher, student)


def stands_for_text(tokenizer: Tokenizer) -> Bools:
    """Return the (vocabulary,) True for entries that are neither special tokens nor unused ids."""
    found = np.fromiter((token != "" for token in tokenizer.vocabulary), np.bool_, len(tokenizer))
    found[list(tokenizer.special_ids.values())] = False
    return found


def same_roles(teacher: Tokenizer, student: Tokenizer) -> dict[int, int]:
    """Student's special tokens -> the teacher's of the same role; roles that the teacher lacks are left out."""
    return {
        index: teacher.special_ids[role] for role, index in student.special_ids.items() if role in teacher.special_ids
    }
