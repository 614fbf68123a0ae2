"""What an embedding transfer is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from finkd.tokenization.tokenizer import Tokenizer

Floats = npt.NDArray[np.float32]

Carry = Callable[[Floats], Floats]
"""(old vocabulary, width) rows -> (new vocabulary, width) rows; used on embeddings and on output biases alike."""


class Transfer(Protocol):
    """A way to fill a new vocabulary's tables. Implementations are frozen dataclasses, so that a config is a transfer.

    Attributes:
        needs_text: whether the result depends on a text, which has to be given then.
        needs_seed: whether it depends on the seed.
    """

    needs_text: ClassVar[bool]
    needs_seed: ClassVar[bool]

    def __call__(self, old: Tokenizer, new: Tokenizer, texts: Iterable[str] = (), seed: int = 0) -> Carry:
        """What carries a table with a row per old entry over to the new entries; special tokens go by role.

        Args:
            old: the tokenizer of the tables.
            new: the tokenizer that they are wanted for.
            texts: of the domain, for transfers that need them; a list, because they may be read twice.
            seed: of what is drawn at random.
        """
