"""Tables between the entries of two vocabularies, for losses."""

from __future__ import annotations

import warnings
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from finkd.tokenization.maps.exact import Exact
from finkd.tokenization.maps.mined import MinED
from finkd.tokenization.maps.retokenization import Retokenization, spell
from finkd.tokenization.tokenizer import Tokenizer

_DECAY = 0.1
"""What the next token of a spelling weighs of the one before (X-Token, NeMo-RL)."""


class Vocabularies:
    """Tables from a teacher's vocabulary to a student's, each computed on first use.

    Args:
        teacher: the teacher's tokenizer.
        student: the student's.
        device: where the tables are wanted.
    """

    def __init__(self, teacher: Tokenizer, student: Tokenizer, device: torch.device | str = "cpu") -> None:
        self.teacher = teacher
        self.student = student
        self.device = device

    @cached_property
    def are_equal(self) -> bool:
        """Whether both have the same entries with the same ids."""
        return self.teacher.vocabulary == self.student.vocabulary

    @cached_property
    def spelling(self) -> Tensor:
        """(teacher vocabulary, longest) student entries that spell each teacher entry, in order, then -1."""
        found = spell(self.teacher, self.student)
        table = np.full((len(self.teacher), int(found.place.max(initial=0)) + 1), -1, np.int64)
        table[found.entry, found.place] = found.token
        return torch.from_numpy(table).to(self.device)

    @cached_property
    def projection(self) -> Tensor:
        """(student vocabulary, teacher vocabulary) sparse weights of the student entries that spell each teacher entry.

        In a column they fall by ten from each token to the next and sum to one: the first token is what a student says
        first (X-Token, NeMo-RL). Entries that the student cannot spell have none.
        """
        spells = self.spelling >= 0
        weights = torch.where(spells, _DECAY ** torch.arange(spells.shape[1], device=self.device), 0.0)
        weights = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-9)
        entries, places = spells.nonzero(as_tuple=True)
        at = torch.stack([self.spelling[entries, places], entries])
        shape = (len(self.student), len(self.teacher))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse")  # that the layout is young, that checks cost time
            return torch.sparse_coo_tensor(at, weights[entries, places], shape).coalesce().to_sparse_csr()

    def project(self, probabilities: Tensor) -> Tensor:
        """(positions, student vocabulary) from (positions, teacher vocabulary) probabilities."""
        return probabilities if self.are_equal else (self.projection @ probabilities.T).T.contiguous()

    @cached_property
    def equal(self) -> Tensor:
        """(teacher vocabulary,) student entry that means the same, or -1; no student entry comes twice."""
        pairs = Exact().pairs(self.student, self.teacher)
        table = np.full(len(self.teacher), -1, np.int64)
        taken: set[int] = set()
        for theirs, ours in sorted(pairs.items()):
            if ours not in taken:
                table[theirs] = ours
                taken.add(ours)
        return torch.from_numpy(table).to(self.device)

    @cached_property
    def nearest(self) -> Tensor:
        """(teacher vocabulary,) student entry of the smallest edit distance, unknown where nothing is like it."""
        best = MinED(furthest=1.0)(self.student, self.teacher).best
        unknown = self.student.special_ids.get("unk", 0)
        return torch.from_numpy(np.where(best >= 0, best, unknown)).to(self.device)

    def embeddings(self, table: Tensor) -> Tensor:
        """(student vocabulary, width) means of the teacher's embeddings that spell each student entry.

        Args:
            table: (teacher vocabulary, width); rows beyond the tokenizer's entries are unused.
        """
        mapping = Retokenization()(self.teacher, self.student).complete(self.teacher.special_ids.get("unk", 0))
        return torch.from_numpy(mapping @ table[: mapping.shape[1]].float().cpu().numpy()).to(table)
