"""Examples of an analysis: words, numbers and texts with their tokens, chosen by rules that no figure influences."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np

from finkd.tokenization.analysis.batch import TextBatch, of_texts
from finkd.tokenization.analysis.word_types import NUMBERS, Spans
from finkd.tokenization.tokenizer import Tokenizer

Kind = Literal["start", "inside", "unknown", "gap"]


@dataclass(frozen=True)
class FragmentedWord:
    """A frequent word of several tokens under some tokenizer.

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
    """The words with most extra tokens of one tokenizer over one text, most first."""

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
    """A stretch of a tokenized text.

    Attributes:
        text: as written.
        kind: ``"start"`` of a word, ``"inside"`` one, ``"unknown"``, or a ``"gap"`` that no token covers.
        tokens: the vocabulary's entries for it, several where characters are spelled in bytes.
    """

    text: str
    kind: Kind
    tokens: tuple[str, ...]


@dataclass(frozen=True)
class TokenizedText:
    """A real text, or the beginning of one, under each tokenizer.

    Attributes:
        corpus: where it comes from.
        cuts: the segments of each tokenizer; their texts joined give the text again.
        lengths: tokens of each tokenizer, special tokens left out.
    """

    corpus: str
    cuts: tuple[tuple[Segment, ...], ...]
    lengths: tuple[int, ...]


_SHORTEST, _LONGEST = 60, 260
_PER_KIND = 4
_LOOKED_AT = 50
_DIGIT = re.compile(r"\d")
_CAPITAL = re.compile(r"[A-Z]")


class Texts:
    """Texts drawn at random: those whose checksum is smallest, whatever order they come in.

    Texts that fill a line or two go before shorter ones; of longer ones, the beginning is shown.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._kept: dict[str, tuple[bool, int]] = {}

    def add(self, batch: TextBatch) -> None:
        """Offer the texts of a batch."""
        if not self._count:
            return
        for text in batch.texts:
            if text.strip():
                start = _beginning(text)
                self._kept[start] = len(start) < _SHORTEST, zlib.crc32(start.encode())
        best = sorted(self._kept, key=lambda text: (self._kept[text], text))[: self._count]
        self._kept = {text: self._kept[text] for text in best}

    def chosen(self) -> list[str]:
        """Return the texts, in the order of their checksums."""
        return list(self._kept)


class Numbers:
    """The first few numbers of each kind that differ in form, digits and capitals taken as equal."""

    def __init__(self) -> None:
        self._kept: list[dict[str, str]] = [{} for _ in NUMBERS]

    def add(self, batch: TextBatch, spans: Spans) -> None:
        """Offer the first numbers of a batch."""
        for group, kept in enumerate(self._kept):
            if len(kept) == _PER_KIND:
                continue
            for place in np.flatnonzero(spans.groups == group)[:_LOOKED_AT].tolist():
                text = batch.joined[spans.starts[place] : spans.ends[place]]
                if len(kept) < _PER_KIND:
                    kept.setdefault(_CAPITAL.sub("A", _DIGIT.sub("0", text)), text)

    def chosen(self) -> list[tuple[str, str]]:
        """Return the (kind, number) pairs."""
        return [(name, text) for name, kept in zip(NUMBERS, self._kept, strict=True) for text in kept.values()]


def segments(text: str, tokenizer: Tokenizer) -> tuple[tuple[Segment, ...], int]:
    """Return the segments of a tokenized text, and its number of tokens without special tokens."""
    tokens = tokenizer.encode([text])
    words = set(of_texts([text]).starts.tolist())
    unknown = tokenizer.special_ids.get("unk", -1)
    found: list[Segment] = []
    at = 0
    kept = ~tokens.framing
    for index, start, end in zip(
        tokens.ids[kept].tolist(), tokens.starts[kept].tolist(), tokens.ends[kept].tolist(), strict=True
    ):
        token = tokenizer.vocabulary[index]
        if end <= at and found and start < end:
            last = found[-1]
            found[-1] = Segment(last.text, last.kind, (*last.tokens, token))
            continue
        if start > at:
            found.append(Segment(text[at:start], "gap", ()))
            at = start
        if end > at:
            kind: Kind = "unknown" if index == unknown else "start" if at in words else "inside"
            found.append(Segment(text[at:end], kind, (token,)))
            at = end
    if at < len(text):
        found.append(Segment(text[at:], "gap", ()))
    return tuple(found), int(kept.sum())


def alone(tokenizer: Tokenizer, text: str) -> tuple[str, ...]:
    """Return the tokens of a word or number after a space."""
    return tuple(tokenizer.backend.encode(tokenizer.before_word + text, add_special_tokens=False).tokens)


def _beginning(text: str) -> str:
    """Return the text, or as many whole words of it as fill two or three lines."""
    text = text.strip()
    if len(text) <= _LONGEST:
        return text
    start = text[:_LONGEST]
    return start.rsplit(maxsplit=1)[0] if len(start.split()) > 1 else start
