"""Protocol of embedding transfers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

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
