"""Transfers by a vocabulary map, in which each new row is a weighted mean of old rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import PositiveInt
from scipy import sparse

from finkd.models.embedding_transfer.transfer import Carry
from finkd.tokenization.maps.neighbours import Neighbours
from finkd.tokenization.maps.retokenization import Retokenization, Weights
from finkd.tokenization.tokenizer import Tokenizer


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
class Focus:
    """Copies of equal tokens; for other tokens a mean of equal tokens in the same contexts (``Neighbours``).

    After FOCUS (Dobler and de Melo, EMNLP 2023, arXiv 2305.14481), which draws tokens that its text lacks at random;
    here these are spelled as in ``Characters``.

    Attributes:
        nearest: number of equal tokens considered for each new one.
        words: as in ``finkd.tokenization.maps.cooccurrence.Space``.
        contexts: likewise.
        window: likewise.
        dimensions: likewise.
    """

    nearest: PositiveInt = 50
    words: PositiveInt = 50_000
    contexts: PositiveInt = 2000
    window: PositiveInt = 3
    dimensions: PositiveInt = 100
    needs_text: ClassVar[bool] = True
    needs_seed: ClassVar[bool] = False

    def __call__(self, old: Tokenizer, new: Tokenizer, texts: Iterable[str] = (), seed: int = 0) -> Carry:
        """Return the multiplication with the map.

        Raises:
            ConfigError: if the texts can be read only once, or hold no word.
        """
        method = Neighbours(True, self.nearest, self.words, self.contexts, self.window, self.dimensions)
        found = method(old, new, texts)
        spelled = _spelled(old, new, "characters")
        rest = sparse.diags_array((~found.covered).astype(np.float32), format="csr")
        return _multiply(sparse.csr_array(found.matrix + rest @ spelled))


def _multiply(matrix: sparse.csr_array) -> Carry:
    """Return the multiplication of tables with a (new vocabulary, old vocabulary) matrix."""
    return lambda table: matrix @ table


def _spelled(old: Tokenizer, new: Tokenizer, weights: Weights) -> sparse.csr_array:
    return Retokenization(weights)(old, new).complete(old.special_ids.get("unk", 0))
