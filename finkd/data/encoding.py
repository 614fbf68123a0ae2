"""Encode sentences: windows, tokens, and the first token of each word."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finkd.corpora.sentence import Sentence
from finkd.corpora.wording import counted
from finkd.tokenization.alignment import first_tokens, word_rows
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokens import Longs, Tokens

log = logging.getLogger(__name__)

WINDOW = 256
IGNORED = -100


@dataclass(frozen=True)
class Window:
    """Consecutive whole words of a sentence; long sentences have several overlapping windows.

    Attributes:
        sentence: the words of the window.
        source: index of the sentence that it was cut from.
        offset: index in the source of the window's first word.
        kept: (first, last) words of the window that count; the others are only context. Each word of a source is
            kept in exactly one window.
    """

    sentence: Sentence
    source: int
    offset: int
    kept: tuple[int, int]


def cut_windows(sentences: Sequence[Sentence], tokenizers: Sequence[Tokenizer], limit: int = WINDOW) -> list[Window]:
    """Cut sentences at word borders so that no window has more than ``limit`` tokens under any tokenizer.

    Neighbouring windows share about a quarter of their words, and each shared word counts in the window where it stands
    further from the border. Sentences without words give no window. A single word of more than ``limit`` tokens stands
    alone.

    Args:
        sentences: the sources.
        tokenizers: all tokenizers that will read the windows, so that teacher and student see the same text.
        limit: tokens of a window, special tokens included.
    """
    sizes = [_word_sizes(sentences, tokenizer) for tokenizer in tokenizers]
    windows = []
    for source, sentence in enumerate(sentences):
        if not sentence.spans:
            continue
        cost = np.max([per_tokenizer[source] for per_tokenizer in sizes], axis=0)
        if cost.sum() <= limit:
            windows.append(Window(sentence, source, 0, (0, len(sentence.spans))))
        else:
            windows += _fit(sentence, source, cost, tokenizers, limit)
    return windows


def _word_sizes(sentences: Sequence[Sentence], tokenizer: Tokenizer) -> list[Longs]:
    """Count, per sentence, the tokens from each word's first one to the next word's, at least one.

    The first word also counts what stands before it, and the last one the closing token.
    """
    tokens = tokenizer.encode([sentence.text for sentence in sentences])
    starts, ends, rows = word_rows([sentence.spans for sentence in sentences])
    first = first_tokens(tokens, starts, ends, rows)
    sizes = []
    for row in range(len(sentences)):
        found = first[rows[row] : rows[row + 1]]
        borders = np.append(np.where(found < 0, tokens.rows[row], found), tokens.rows[row + 1])
        borders[0] = tokens.rows[row]
        sizes.append(np.maximum(np.diff(np.maximum.accumulate(borders)), 1))
    return sizes


def _fit(sentence: Sentence, source: int, cost: Longs, tokenizers: Sequence[Tokenizer], limit: int) -> list[Window]:
    """Cut a long sentence and measure its windows: without its neighbours a word may take more tokens."""
    room = limit - 2
    while True:
        windows = _cut(sentence, source, cost, room)
        texts = [window.sentence.text for window in windows if len(window.sentence.spans) > 1]
        longest = max(int(np.diff(tokenizer.encode(texts).rows).max(initial=0)) for tokenizer in tokenizers)
        if longest <= limit:
            return windows
        room -= longest - limit


def _cut(sentence: Sentence, source: int, cost: Longs, room: int) -> list[Window]:
    windows = []
    borders = _borders(cost, room)
    for index, (start, end) in enumerate(borders):
        first = start if index == 0 else (start + borders[index - 1][1] + 1) // 2
        last = end if index == len(borders) - 1 else (borders[index + 1][0] + end + 1) // 2
        left, right = sentence.spans[start][0], sentence.spans[end - 1][1]
        part = Sentence(
            sentence.text[left:right],
            tuple((s - left, e - left) for s, e in sentence.spans[start:end]),
            None if sentence.tags is None else sentence.tags[start:end],
            sentence.document,
        )
        windows.append(Window(part, source, start, (first - start, last - start)))
    return windows


def _borders(cost: Longs, room: int) -> list[tuple[int, int]]:
    """Return the first word of each window and the word after its last."""
    borders: list[tuple[int, int]] = []
    total = np.concatenate(([0], np.cumsum(cost)))
    start = 0
    while start < len(cost):
        end = max(int(np.searchsorted(total, total[start] + room, side="right")) - 1, start + 1)
        if borders and end == borders[-1][1]:
            # The next word is so long that it leaves no room for this context: go on without it.
            start = end
            continue
        borders.append((start, end))
        if end == len(cost):
            break
        back = int(np.searchsorted(total, total[end] - max(room, 0) // 4, side="left"))
        start = min(max(back, start + 1), end)
    return borders


@dataclass(frozen=True)
class Encoded:
    """Windows under one tokenizer.

    Attributes:
        tokens: their tokens.
        first: (words,) flat index into the tokens of each word's first token, -1 where no token covers a word.
        word_rows: (windows + 1,) borders of the windows in ``first``.
        pad: id that fills up a batch.
        mask: id that hides a token, -1 if the tokenizer has none.
        size: entries of the vocabulary.
        is_paired: whether each example is two texts (``finkd.suites.reading``).
        gives_case: whether token types tell the case of words.
    """

    tokens: Tokens
    first: Longs
    word_rows: Longs
    pad: int = 0
    mask: int = -1
    size: int = 0
    is_paired: bool = False
    gives_case: bool = False

    @classmethod
    def of(
        cls, tokens: Tokens, first: Longs, word_rows: Longs, tokenizer: Tokenizer, *, is_paired: bool = False
    ) -> Encoded:
        """Combine windows with the padding and mask ids of their tokenizer."""
        special = tokenizer.special_ids
        mask, case = special.get("mask", -1), tokenizer.gives_case
        return cls(tokens, first, word_rows, special["pad"], mask, len(tokenizer), is_paired, case)

    @property
    def lengths(self) -> Longs:
        """(windows,) tokens of each window."""
        return np.diff(self.tokens.rows)


def encode(windows: Sequence[Window], tokenizer: Tokenizer, limit: int = WINDOW) -> Encoded:
    """Tokenize windows; tokens of a single word beyond ``limit`` are dropped, with a warning."""
    tokens = tokenizer.encode([window.sentence.text for window in windows])
    too_long = np.diff(tokens.rows) > limit
    if too_long.any():
        log.warning(
            "only the first %d tokens of %s are read; more belong to each", limit, counted(too_long.sum(), "word")
        )
        tokens = _shorten(tokens, limit)
    return _encoded(windows, tokens, tokenizer)


def windows_and_tokens(
    sentences: Sequence[Sentence], tokenizer: Tokenizer, limit: int = WINDOW
) -> tuple[list[Window], Encoded]:
    """Cut and encode windows in one pass where every sentence fits."""
    whole = [Window(each, row, 0, (0, len(each.spans))) for row, each in enumerate(sentences) if each.spans]
    tokens = tokenizer.encode([window.sentence.text for window in whole])
    if np.diff(tokens.rows).max(initial=0) <= limit:
        return whole, _encoded(whole, tokens, tokenizer)
    windows = cut_windows(sentences, [tokenizer], limit)
    return windows, encode(windows, tokenizer, limit)


def _encoded(windows: Sequence[Window], tokens: Tokens, tokenizer: Tokenizer) -> Encoded:
    starts, ends, rows = word_rows([window.sentence.spans for window in windows])
    return Encoded.of(tokens, first_tokens(tokens, starts, ends, rows), rows, tokenizer)


def _shorten(tokens: Tokens, limit: int) -> Tokens:
    """Keep the first ``limit - 1`` tokens and the last of every longer row."""
    counts = np.diff(tokens.rows)
    column = np.arange(tokens.rows[-1]) - np.repeat(tokens.rows[:-1], counts)
    size = np.repeat(counts, counts)
    keep = (size <= limit) | (column < limit - 1) | (column == size - 1)
    return Tokens(
        tokens.ids[keep],
        tokens.starts[keep],
        tokens.ends[keep],
        np.concatenate(([0], np.cumsum(np.minimum(counts, limit)))),
        tokens.lengths,
        tokens.opening[keep],
        tokens.closing[keep],
        tokens.cases[keep],
    )


def kept_words(windows: Sequence[Window]) -> npt.NDArray[np.bool_]:
    """Return (words,) True for words that count, over all windows in order."""
    masks = []
    for window in windows:
        mask = np.zeros(len(window.sentence.spans), np.bool_)
        mask[window.kept[0] : window.kept[1]] = True
        masks.append(mask)
    return np.concatenate(masks) if masks else np.zeros(0, np.bool_)


def word_labels(windows: Sequence[Window], labels: Sequence[str]) -> Longs:
    """Return (words,) label ids, ``IGNORED`` for words without a tag and for context words.

    Raises:
        ValueError: if a tag is not among the labels.
    """
    index = {label: i for i, label in enumerate(labels)}
    ids: list[int] = []
    for window in windows:
        tags = window.sentence.tags
        if tags is None:
            ids += [IGNORED] * len(window.sentence.spans)
            continue
        try:
            ids += [index[tag] for tag in tags]
        except KeyError as error:
            raise ValueError(f"tag {error} is not among the labels {', '.join(labels)}") from error
    result = np.array(ids, np.int64)
    result[~kept_words(windows)] = IGNORED
    return result
