"""Control transfers, which use nothing but statistics of the old embeddings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from finkd.models.embedding_transfer.transfer import Carry, Floats
from finkd.tokenization.maps.exact import Exact
from finkd.tokenization.maps.vocabulary_map import same_roles
from finkd.tokenization.tokenizer import Tokenizer


@dataclass(frozen=True)
class Random:
    """Rows drawn from a normal distribution with the old rows' mean and deviation in each dimension.

    Attributes:
        copy_equal: copy entries of both vocabularies, not only special tokens of one role: partial vocabulary transfer
            (PVT, the baseline of Gee et al., EMNLP 2022 industry).
    """

    copy_equal: bool = False
    needs_text: ClassVar[bool] = False
    needs_seed: ClassVar[bool] = True

    def __call__(self, old: Tokenizer, new: Tokenizer, texts: Iterable[str] = (), seed: int = 0) -> Carry:
        """Return a function that draws the same numbers for each table of one width."""
        rows, columns = _copied(old, new, self.copy_equal)

        def carry(table: Floats) -> Floats:
            mean, deviation = table.mean(axis=0, dtype=np.float64), table.std(axis=0, dtype=np.float64)
            drawn = np.random.default_rng(seed).standard_normal((len(new), table.shape[1])) * deviation + mean
            drawn[rows] = table[columns]
            filled: Floats = drawn.astype(np.float32)
            return filled

        return carry


@dataclass(frozen=True)
class Average:
    """The mean of the old rows, for every row.

    Attributes:
        copy_equal: copy entries of both vocabularies, not only special tokens of one role.
    """

    copy_equal: bool = False
    needs_text: ClassVar[bool] = False
    needs_seed: ClassVar[bool] = False

    def __call__(self, old: Tokenizer, new: Tokenizer, texts: Iterable[str] = (), seed: int = 0) -> Carry:
        """Return a function that repeats one row."""
        rows, columns = _copied(old, new, self.copy_equal)

        def carry(table: Floats) -> Floats:
            repeated = np.repeat(table.mean(axis=0, dtype=np.float64, keepdims=True), len(new), axis=0)
            repeated[rows] = table[columns]
            filled: Floats = repeated.astype(np.float32)
            return filled

        return carry


def _copied(old: Tokenizer, new: Tokenizer, equal: bool) -> tuple[list[int], list[int]]:
    """Return the new entries that are copied, and the old entries they are copied from."""
    pairs = Exact().pairs(old, new) if equal else same_roles(old, new)
    return list(pairs), list(pairs.values())
