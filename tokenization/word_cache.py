"""Tokens of words that were seen before, so that only new words are tokenized.

Most words of a text repeat (Zipf's law), and tokenizers that split at white space tokenize a word the same way wherever
it stands. Words here are what stands between two spaces of a text.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer as Backend

from finkd.tokenization.tokens import Ints, Longs, Tokens, members

_MOST_CHARACTERS = 2**20
"""Of all words that are kept; a cache that holds more begins anew at the next new word. About 130,000 words, which take
30 MB."""
_BEFORE, _BEHIND = 0, 1
"""Numbers of the special tokens around a text, among the words."""
_OPENING, _CLOSING = 1, 2
_SPLITTERS = frozenset({"BertPreTokenizer", "Whitespace", "WhitespaceSplit"})
"""Pre-tokenizers that take white space out of a text."""
_WITHIN_WORDS = _SPLITTERS | {"Punctuation", "Digits", "Split", "ByteLevel", "Metaspace"}
"""Those that treat each word by itself once white space is out; Metaspace only if it treats the first word alike."""
_BY_CHARACTER = frozenset({"BertNormalizer", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "StripAccents"})
"""Normalizers that never look across a space."""


def tokenizes_words_alone(backend: Backend) -> bool:
    """Return whether a tokenizer tokenizes each word as it would without the rest of its text."""
    before = _steps(backend.pre_tokenizer, "pretokenizers")
    if not before or before[0]["type"] not in _SPLITTERS:
        return False
    return (
        all(each["type"] in _WITHIN_WORDS and each.get("prepend_scheme") != "first" for each in before)
        and all(map(_looks_within_words, _steps(backend.normalizer, "normalizers")))
        and not any(set(token.content) & set(" \t\n\r") for token in backend.get_added_tokens_decoder().values())
    )


def special_before(backend: Backend) -> int | None:
    """Return how many special tokens a tokenizer puts before a text; ``None`` if that cannot be seen."""
    marks = backend.encode("a").special_tokens_mask
    return marks.index(0) if 0 in marks else None


def _looks_within_words(step: dict[str, Any]) -> bool:
    """Return whether a normalizer never looks across a space, and makes none."""
    if step["type"] == "Replace" and (replaced := step["pattern"].get("String")):
        return not any(sign.isspace() for sign in replaced + step["content"])
    return step["type"] in _BY_CHARACTER


def _steps(part: Any, members_of_sequence: str) -> list[dict[str, Any]]:
    """Return the settings of a normalizer or pre-tokenizer, or of each that it is a sequence of."""
    if part is None:
        return []
    described: dict[str, Any] = json.loads(part.__getstate__())
    steps: list[dict[str, Any]] = described.get(members_of_sequence, [described])
    return steps


class WordCache:
    """Tokenize texts word by word, and keep the tokens of every word. Threads may share it.

    Args:
        encode: tokenizes whole texts, special tokens included, each word as it would without its text.
        before: number of special tokens that it puts before a text.
    """

    def __init__(self, encode: Callable[[Sequence[str]], Tokens], before: int) -> None:
        self._encode = encode
        self._before = before
        self._lock = threading.Lock()
        self._kept = self._begun()

    def encode(self, texts: Sequence[str]) -> Tokens:
        """Tokenize texts as the function does that was given."""
        split = [_with_spaces(text).split(" ") for text in texts]
        words = list(chain.from_iterable(split))
        kept = self._kept
        try:
            numbers = list(map(kept.numbers.__getitem__, words))
        except KeyError:
            kept = self._learned(words)
            numbers = list(map(kept.numbers.__getitem__, words))
        counts = np.fromiter(map(len, split), np.int64, len(split))
        parts, shifts, rows = _arranged(words, np.array(numbers, np.int64), counts)
        at, borders = members(kept.borders, parts)
        ids, starts, ends, role, cases = kept.table[:, at]
        moved = np.repeat(shifts, np.diff(borders)).astype(np.int32)
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        return Tokens(
            ids,
            starts + moved,
            ends + moved,
            borders[rows],
            lengths,
            role == _OPENING,
            role == _CLOSING,
            cases.astype(np.uint8),
        )

    def _learned(self, words: Sequence[str]) -> _Kept:
        """Return a store that holds all of some words."""
        with self._lock:
            if self._kept.characters > _MOST_CHARACTERS:
                self._kept = self._begun()
            new = [word for word in dict.fromkeys(words) if word not in self._kept.numbers]
            self._kept.add(new, *self._tokenized(new))
            return self._kept

    def _begun(self) -> _Kept:
        """Return a store with the special tokens alone."""
        kept = _Kept()
        tokens = self._encode([""])
        borders = np.array([0, self._before, len(tokens.ids)])
        kept.add([], _columns(tokens, np.arange(len(tokens.ids))), borders)
        return kept

    def _tokenized(self, words: Sequence[str]) -> tuple[Ints, Longs]:
        """Tokenize words.

        Returns:
            (columns, tokens) without special tokens, and the (words + 1,) borders of the words in them.
        """
        tokens = self._encode(words)
        within = np.arange(len(tokens.ids)) - np.repeat(tokens.rows[:-1], np.diff(tokens.rows))
        special = int(self._kept.borders[_BEHIND + 1])
        left = np.repeat(np.diff(tokens.rows), np.diff(tokens.rows)) - within
        inner = np.flatnonzero((within >= self._before) & (left > special - self._before))
        return _columns(tokens, inner), tokens.rows - special * np.arange(len(tokens.rows))


def _arranged(words: Sequence[str], numbers: Longs, counts: Longs) -> tuple[Longs, Longs, Longs]:
    """Put the words of texts in a row, with what stands before and behind each text.

    Args:
        words: of all texts.
        numbers: (words,) their numbers.
        counts: (texts,) words of each text.

    Returns:
        (parts,) numbers of the words and of what is around them; (parts,) first character of each in its text; and the
        (texts + 1,) borders of the texts in both.
    """
    rows = np.concatenate(([0], np.cumsum(counts + 2)))
    parts, shifts, is_word = np.full(rows[-1], _BEFORE), np.zeros(rows[-1], np.int64), np.ones(rows[-1], np.bool_)
    is_word[rows[:-1]] = is_word[rows[1:] - 1] = False
    parts[is_word] = numbers
    parts[rows[1:] - 1] = _BEHIND
    steps = np.fromiter(map(len, words), np.int64, len(words)) + 1  # a space follows
    places = np.cumsum(steps) - steps
    shifts[is_word] = places - np.repeat(places[np.cumsum(counts) - counts], counts)
    return parts, shifts, rows


class _Kept:
    """Tokens of words, in tables that grow; a reader that took ``numbers`` first finds all of them in the tables.

    Attributes:
        numbers: word -> its number.
        characters: of all words together.
        table: (columns, tokens and room for more) of ``_columns``.
        borders: (words + 1, and room for more) of the words in the table; the first two are no words, but what stands
            before and behind a text.
    """

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.characters = 0
        self.table = np.zeros((5, 1024), np.int32)
        self.borders = np.zeros(1024, np.int64)
        self._next = 0

    def add(self, words: Sequence[str], columns: Ints, borders: Longs) -> None:
        """Append words; without any, what stands before and behind a text."""
        first, count = int(self.borders[self._next]), len(borders) - 1
        self.table = _with_room(self.table, first + columns.shape[1])
        self.borders = _with_room(self.borders, self._next + count + 1)
        self.table[:, first : first + columns.shape[1]] = columns
        self.borders[self._next : self._next + count + 1] = first + borders
        self.numbers.update(zip(words, range(self._next, self._next + count), strict=False))
        self.characters += sum(map(len, words))
        self._next += count


def _columns(tokens: Tokens, at: Longs) -> Ints:
    """Return (5, tokens): id, first character, character after the last one, role and case of some tokens."""
    role = np.where(tokens.opening, _OPENING, np.where(tokens.closing, _CLOSING, 0))
    return np.stack([tokens.ids, tokens.starts, tokens.ends, role, tokens.cases]).astype(np.int32)[:, at]


def _with_room(array: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """Return an array with at least some length of its last axis, which grows to the double of what is needed."""
    if length <= array.shape[-1]:
        return array
    grown = np.zeros((*array.shape[:-1], 2 * length), array.dtype)
    grown[..., : array.shape[-1]] = array
    return grown


def _with_spaces(text: str) -> str:
    """Return a text with spaces for its tabs and line breaks."""
    return text.replace("\n", " ").replace("\t", " ").replace("\r", " ")
