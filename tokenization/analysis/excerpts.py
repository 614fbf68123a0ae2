"""What an analysis shows of the texts themselves: words, numbers and whole texts with their cuts, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["start", "inside", "unknown", "gap"]


@dataclass(frozen=True)
class FragmentedWord:
    """A frequent word that some tokenizer cuts.

    Attributes:
        word: as written.
        count: occurrences in the text, see ``Measured.missed``.
        extra: tokens beyond the first that each tokenizer spent on it over the text, in the analysis's order.
        cuts: its tokens under each tokenizer, on its own.
    """

    word: str
    count: int
    extra: tuple[int, ...]
    cuts: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Fragments:
    """The words that cost one tokenizer most extra tokens over one text, the dearest first."""

    corpus: str
    tokenizer: str
    words: tuple[FragmentedWord, ...]


@dataclass(frozen=True)
class NumberExample:
    """A number as one text writes it, with its tokens under each tokenizer, on its own."""

    corpus: str
    kind: str
    text: str
    cuts: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Segment:
    """A stretch of a text that was cut.

    Attributes:
        text: as written.
        kind: ``"start"`` of a word, ``"inside"`` one, ``"unknown"``, or a ``"gap"`` that no token covers.
        tokens: the vocabulary's entries for it, several where characters are spelled in bytes.
    """

    text: str
    kind: Kind
    tokens: tuple[str, ...]


@dataclass(frozen=True)
class CutText:
    """A real text, or the beginning of one, under each tokenizer.

    Attributes:
        corpus: where it comes from.
        cuts: the segments of each tokenizer; their texts joined give the text again.
        lengths: tokens of each tokenizer, special tokens left out.
    """

    corpus: str
    cuts: tuple[tuple[Segment, ...], ...]
    lengths: tuple[int, ...]
