"""Methods of embedding transfer: means of old rows by a vocabulary map, and controls by their statistics alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from finkd.tokenization.maps.exact import Exact
from finkd.tokenization.maps.neighbours import Cooccurrences, Neighbours
from finkd.tokenization.maps.retokenization import Retokenization, Weights
from finkd.tokenization.maps.vocabulary_map import same_roles
from finkd.tokenization.tokenizer import Tokenizer

Floats = npt.NDArray[np.float32]

Carry = Callable[[Floats], Floats]
"""(old vocabulary, width) rows -> (new vocabulary, width) rows; of embeddings and of output biases."""


class Transfer(Protocol):
    """Method that fills the tables of a new vocabulary. Implementations are frozen dataclasses: a config is a transfer.

    Attributes:
        needs_text: whether the result depends on a text, which has to be given then.
        needs_seed: whether it depends on the seed.
    """

    needs_text: ClassVar[bool]
    needs_seed: ClassVar[bool]

    def __call__(self, old: Tokenizer, new: Tokenizer, texts: Iterable[str] = (), seed: int = 0) -> Carry:
        """Return the function that makes a table for the new entries; special tokens are matched by role.

        ``texts``, of the domain, may be read twice, so they must not be an iterator.
        """


@dataclass(frozen=True)
class Characters:
    """Mean of the old tokens that spell the new one, weighted by the number of characters that each spells.

    A token of both vocabularies is copied; one that the old vocabulary cannot spell gets its unknown token.
    """

    weights: ClassVar[Weights] = "characters"
    needs_text: ClassVar[bool] = False
    needs_seed: ClassVar[bool] = False

    def __call__(self, old: Tokenizer, new: Tokenizer, texts: Iterable[str] = (), seed: int = 0) -> Carry:
        """Return the multiplication with the map."""
        return _multiply(_spelled(old, new, self.weights))


@dataclass(frozen=True)
class Mean(Characters):
    """Plain mean of the old tokens: fast vocabulary transfer (Gee et al., EMNLP 2022 industry), with corrections.

    The authors' code gives ``##true`` the row of ``true`` and a row of NaN to tokens that it strips to nothing, and
    leaves the masked-LM bias in the old order. Here continuations are spelled by continuations, every row is finite,
    and the bias is transferred like the embeddings.
    """

    weights: ClassVar[Weights] = "mean"


@dataclass(frozen=True)
class Written(Characters):
    """Mean of the old tokens, weighted by their written length, ``##`` and ``Ġ`` included.

    This is weighted vocabulary transfer (WVT), which has no paper: it is defined by its authors' code
    (LeonidasY/fast-vocabulary-transfer, fvt/wvt.py), corrected as in ``Mean``. Between tokens that all start or all
    continue a word it differs little from ``Characters``.
    """

    weights: ClassVar[Weights] = "written"


@dataclass(frozen=True)
class Focus(Cooccurrences):
    """Copies of equal tokens; for other tokens a mean of equal tokens in the same contexts (``Neighbours``).

    After FOCUS (Dobler and de Melo, EMNLP 2023, arXiv 2305.14481), which draws tokens that its text lacks at random;
    here these are spelled as in ``Characters``. Settings are those of ``finkd.tokenization.maps.neighbours``.
    """

    needs_text: ClassVar[bool] = True
    needs_seed: ClassVar[bool] = False

    def __call__(self, old: Tokenizer, new: Tokenizer, texts: Iterable[str] = (), seed: int = 0) -> Carry:
        """Return the multiplication with the map.

        Raises:
            ConfigError: if the texts can be read only once, or hold no word.
        """
        found = Neighbours(**asdict(self))(old, new, texts)
        spelled = _spelled(old, new, "characters")
        rest = sparse.diags_array((~found.covered).astype(np.float32), format="csr")
        return _multiply(sparse.csr_array(found.matrix + rest @ spelled))


def _multiply(matrix: sparse.csr_array) -> Carry:
    """Return the multiplication of tables with a (new vocabulary, old vocabulary) matrix."""
    return lambda table: matrix @ table


def _spelled(old: Tokenizer, new: Tokenizer, weights: Weights) -> sparse.csr_array:
    return Retokenization(weights)(old, new).complete(old.special_ids.get("unk", 0))


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
        """Return a function that fills a table from the statistics of the old one alone."""
        pairs = Exact().pairs(old, new) if self.copy_equal else same_roles(old, new)

        def carry(table: Floats) -> Floats:
            rows = self._rows(table, len(new), seed).astype(np.float32)
            rows[list(pairs)] = table[list(pairs.values())]
            return rows

        return carry

    def _rows(self, table: Floats, count: int, seed: int) -> npt.NDArray[np.float64]:
        return np.repeat(table.mean(axis=0, dtype=np.float64, keepdims=True), count, axis=0)


@dataclass(frozen=True)
class Random(Average):
    """Rows drawn from a normal distribution with the old rows' mean and deviation in each dimension.

    With ``copy_equal`` this is partial vocabulary transfer (PVT, the baseline of Gee et al., EMNLP 2022 industry).
    """

    needs_seed: ClassVar[bool] = True

    def _rows(self, table: Floats, count: int, seed: int) -> npt.NDArray[np.float64]:
        """Draw the same numbers for each table of one width."""
        mean, deviation = table.mean(axis=0, dtype=np.float64), table.std(axis=0, dtype=np.float64)
        drawn = np.random.default_rng(seed).standard_normal((count, table.shape[1]))
        return np.asarray(drawn * deviation + mean)
