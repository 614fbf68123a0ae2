"""Encode sentences into the arrays that training reads, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np

from finkd.corpora.sentence import Sentence
from finkd.data.arrays import Array, Growing
from finkd.data.encoding import IGNORED, Encoded, cut_windows, encode, kept_words, word_labels
from finkd.tokenization.alignment import word_rows
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokens import Longs, Tokens

BLOCK = 4096
"""Sentences whose words and tokens are objects at the same time."""

_TOKENS = ("ids", "starts", "ends", "opening", "closing", "cases", "lengths")


def blocks(sentences: Iterable[Sentence], size: int = BLOCK) -> Iterator[list[Sentence]]:
    """Yield sentences in blocks; one empty block if there are none."""
    left = iter(sentences)
    return chain([list(islice(left, size))], iter(lambda: list(islice(left, size)), []))


def cut(
    sentences: Iterable[Sentence],
    tokenizers: Mapping[str, Tokenizer],
    labels: Sequence[str],
    limit: int,
    folder: Path | None = None,
) -> dict[str, Array]:
    """Cut sentences into examples: windows that fit every tokenizer, with their words and tokens.

    Args:
        sentences: gone through once.
        tokenizers: side (``"student"``, ``"teacher"``) -> what cuts its tokens.
        labels: of the corpus, in the order of the ids; without labels no word has one.
        limit: most tokens of an example.
        folder: an empty one for the arrays; ``None`` keeps them in memory.

    Returns:
        flat arrays: of words ``starts``, ``ends``, ``labels``, ``usable``, and ``words``, their number among the words
        of all sentences; of examples ``counts``, how many words each has; of a side's tokens those of ``Tokens``, named
        such as ``student.ids``, with ``student.counts`` for its borders and ``student.first`` as in ``Encoded``.
    """
    growing = Growing(folder)
    words, tokens = 0, dict.fromkeys(tokenizers, 0)
    for block in blocks(sentences):
        before = words + np.cumsum([0, *(len(sentence.spans) for sentence in block)])
        windows = cut_windows(block, list(tokenizers.values()), limit)
        starts, ends, rows = word_rows([window.sentence.spans for window in windows])
        begins = np.array([before[window.source] + window.offset for window in windows], np.int64)
        growing.add(
            starts=starts.astype(np.int32),
            ends=ends.astype(np.int32),
            labels=(word_labels(windows, labels) if labels else np.full(len(starts), IGNORED)).astype(np.int16),
            usable=kept_words(windows),
            words=np.repeat(begins - rows[:-1], np.diff(rows)) + np.arange(len(starts)),
            counts=np.diff(rows),
        )
        for side, tokenizer in tokenizers.items():
            encoded = encode(windows, tokenizer, limit)
            growing.add(**{f"{side}.{name}": getattr(encoded.tokens, name) for name in _TOKENS})
            first = np.where(encoded.first < 0, -1, encoded.first + tokens[side])
            growing.add(**{f"{side}.counts": encoded.lengths, f"{side}.first": first})
            tokens[side] += len(encoded.tokens.ids)
        words = int(before[-1])
    return growing.whole()


def side(arrays: Mapping[str, Array], name: str, tokenizer: Tokenizer) -> Encoded:
    """Return the examples under one of their tokenizers."""
    parts = {part: arrays[f"{name}.{part}"] for part in _TOKENS}
    tokens = Tokens(rows=_borders(arrays[f"{name}.counts"]), **parts)
    return Encoded.of(tokens, arrays[f"{name}.first"], _borders(arrays["counts"]), tokenizer)


def _borders(counts: Array) -> Longs:
    return np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
