"""Transfers by a vocabulary map: every new row is a weighted mean of old rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import PositiveInt
from scipy import sparse

from finkd.models.embedding_transfer.transfer import Carry, Floats
from finkd.tokenization.maps.neighbours import Neighbours
from finkd.tokenization.maps.retokenization import Retokenization, Weights
from finkd.tokenization.tokenizer import Tokenizer


@dataclass(frozen=True)
class Characters:
    """Old tokens that spell the new one, weighted by how many of its characters each one spells.

    A token that both vocabularies hold is copied; one that the old one cannot spell takes its unknown token.
    """

    weights: ClassVar[Weights] = "characters"
    needs_text: ClassVar[bool] = False
    needs_seed: ClassVar[bool] = False

    def __call__(self, old: Tokenizer, new: Tokenizer, texts: Iterable[str] = (), seed: int = 0) -> Carry:
        """Multiplies with the map."""
        return multiply(_spelled(old, new, self.weights))


@dataclass(frozen=True)
class Mean(Characters):
    """The plain mean of the old tokens: fast vocabulary transfer (Gee et al., EMNLP 2022 industry), mended.

    The authors' code gives ``##true`` the row of ``true``, a row of NaN to tokens that they strip to nothing, and
    leaves the masked-LM bias in the old order. Here continuations are spelled by continuations, every row is a number,
    and the bias is carried like the embeddings.
    """

    weights: ClassVar[Weights] = "mean"


@dataclass(frozen=True)
class Written(Characters):
    """Old tokens weighted by the length that they are written with, ``##`` and ``Ġ`` included.

    This is weighted vocabulary transfer (WVT), which has no paper: it is defined by its authors' code
    (LeonidasY/fast-vocabulary-transfer, fvt/wvt.py), mended as in ``Mean``. Between tokens that all start or all
    continue a word it differs little from ``Characters``.
    """

    weights: ClassVar[Weights] = "written"


@dataclass(frozen=True)
class Focus:
    """Copies equal tokens; makes the others of equal tokens that occur in the same contexts (``Neighbours``).

    After FOCUS (Dobler and de Melo, EMNLP 2023, arXiv 2305.14481), which draws what its text never shows at random;
    here such tokens are spelled as in ``Characters``.

    Attributes:
        nearest: how many equal tokens are considered for each new one.
        words: as in ``finkd.tokenization.maps.neighbours.Space``.
        contexts: as there.
        window: as there.
        dimensions: as there.
    """

    nearest: PositiveInt = 50
    words: PositiveInt = 50_000
    contexts: PositiveInt = 2000
    window: PositiveInt = 3
    dimensions: PositiveInt = 100
    needs_text: ClassVar[bool] = True
    needs_seed: ClassVar[bool] = False

    def __call__(self, old: Tokenizer, new: Tokenizer, texts: Iterable[str] = (), seed: int = 0) -> Carry:
        """Multiplies with the map.

        Raises:
            ConfigError: if the texts can be read only once, or hold no word.
        """
        method = Neighbours(True, self.nearest, self.words, self.contexts, self.window, self.dimensions)
        found = method(old, new, texts)
        spelled = _spelled(old, new, "characters")
        rest = sparse.diags_array((~found.covered).astype(np.float32), format="csr")
        return multiply(sparse.csr_array(found.matrix + rest @ spelled))


def multiply(matrix: sparse.csr_array) -> Carry:
    """Carries tables over by a (new vocabulary, old vocabulary) matrix."""

    def carry(table: Floats) -> Floats:
        rows: Floats = matrix @ table
        return rows

    return carry


def _spelled(old: Tokenizer, new: Tokenizer, weights: Weights) -> sparse.csr_array:
    return Retokenization(weights)(old, new).complete(old.special_ids.get("unk", 0))
