"""Tokenize whole texts, single or in pairs, and split or truncate long ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from finkd.corpora.errors import ConfigError
from finkd.corpora.tasks.task import Example
from finkd.data.encoding import Encoded
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokens import Longs, Tokens

Long = Literal["head", "head+tail", "windows"]
"""Part that is read of a text above the limit: its beginning; a quarter of the limit from its beginning and the rest
from its end (Sun et al. 2019, arXiv 1905.05583, section 5.3.1); or all of it, in windows that overlap by half, whose
scores are averaged."""


@dataclass(frozen=True)
class Reading:
    """Tokenized texts.

    Attributes:
        encoded: the examples; ``first`` is the opening token of each, at which a text is scored.
        source: (examples,) number of the text of each; several examples are windows of one text.
        too_long: number of texts longer than the limit.
    """

    encoded: Encoded
    source: Longs
    too_long: int


def read_texts(examples: Sequence[Example], tokenizer: Tokenizer, limit: int, long: Long = "head") -> Reading:
    """Tokenize texts into examples of at most ``limit`` tokens.

    Args:
        examples: single texts, or pairs.
        tokenizer: of the model.
        limit: most tokens of an example, special tokens included.
        long: part of longer texts; of a pair, the longer text is truncated until both fit.

    Raises:
        ConfigError: if ``long`` is not ``"head"`` for pairs.
    """
    tokens = tokenizer.encode([example.first for example in examples])
    is_paired = any(example.second for example in examples)
    if is_paired:
        if long != "head":
            raise ConfigError(f"long: pairs of texts cannot be read as {long!r}; choose 'head'")
        tokens, too_long = _pairs(tokens, tokenizer.encode([each.second for each in examples]), tokenizer, limit)
        source = np.arange(len(tokens))
    else:
        too_long = int((np.diff(tokens.rows) > limit).sum())
        places: list[Longs] = []
        texts: list[int] = []
        for row, (start, stop) in enumerate(zip(tokens.rows[:-1].tolist(), tokens.rows[1:].tolist(), strict=True)):
            parts = _parts(stop - start, limit, long)
            places += [start + part for part in parts]
            texts += [row] * len(parts)
        source = np.array(texts, np.int64)
        tokens = chosen(tokens, places, source)
    count = len(tokens)
    encoded = Encoded.of(tokens, tokens.rows[:-1], np.arange(count + 1), tokenizer, is_paired=is_paired)
    return Reading(encoded, source, too_long)


def _parts(count: int, limit: int, long: Long) -> list[Longs]:
    """Return the tokens of each part of a text, with its opening and closing token."""
    whole = np.arange(count)
    if count <= limit:
        return [whole]
    room = limit - 2
    inner = whole[1:-1]
    if long == "windows":
        starts = [*range(0, len(inner) - room, max(1, room // 2)), len(inner) - room]
        parts = [inner[start : start + room] for start in starts]
    elif long == "head+tail":
        parts = [np.concatenate((inner[: room // 4], inner[len(inner) - (room - room // 4) :]))]
    else:
        parts = [inner[:room]]
    return [np.concatenate((whole[:1], part, whole[-1:])) for part in parts]


def _pairs(first: Tokens, second: Tokens, tokenizer: Tokenizer, limit: int) -> tuple[Tokens, int]:
    """Join both texts of each example in one row, and count those that were truncated.

    The texts are separated by the tokenizer's number of closing tokens: one for BERT, two for RoBERTa.
    """
    frame = tokenizer.backend.num_special_tokens_to_add(is_pair=True)
    total = int(first.rows[-1])
    places: list[Longs] = []
    too_long = 0
    for row in range(len(first)):
        ours = np.arange(first.rows[row], first.rows[row + 1])
        theirs = total + np.arange(second.rows[row], second.rows[row + 1])
        room = limit - frame
        kept = _fair(len(ours) - 2, len(theirs) - 2, room)
        too_long += kept != (len(ours) - 2, len(theirs) - 2)
        between = [ours[-1:]] * (frame - 2)
        places.append(np.concatenate((ours[:1], ours[1 : 1 + kept[0]], *between, theirs[1 : 1 + kept[1]], theirs[-1:])))
    return chosen(joined(first, second), places, np.arange(len(first))), too_long


def joined(first: Tokens, second: Tokens) -> Tokens:
    """Concatenate the tokens of all first texts and of all second ones; ``lengths`` are those of the pairs.

    Characters of a second text are numbered after those of its first one, with one between them, at which what closes
    the first text stands.
    """
    between = np.repeat(first.lengths, np.diff(first.rows)).astype(np.int32)
    starts, ends = (np.where(first.closing, between, side) for side in (first.starts, first.ends))
    shift = np.repeat(first.lengths + 1, np.diff(second.rows)).astype(np.int32)
    return Tokens(
        np.concatenate((first.ids, second.ids)),
        np.concatenate((starts, second.starts + shift)),
        np.concatenate((ends, second.ends + shift)),
        np.concatenate((first.rows, first.rows[-1] + second.rows[1:])),
        first.lengths + 1 + second.lengths,
        np.concatenate((first.opening, second.opening)),
        np.concatenate((first.closing, second.closing)),
        np.concatenate((first.cases, second.cases)),
    )


def _fair(first: int, second: int, room: int) -> tuple[int, int]:
    """Return how many tokens of two texts fit if the longer one is truncated first."""
    if first + second <= room:
        return first, second
    half = room // 2
    if first <= half:
        return first, room - first
    if second <= half:
        return room - second, second
    return room - half, half


def chosen(tokens: Tokens, places: Sequence[Longs], source: Longs) -> Tokens:
    """Select rows of tokens.

    Args:
        tokens: all tokens.
        places: indices of each row's tokens.
        source: (rows,) number of the text, for its length in characters.
    """
    flat = np.concatenate(places) if places else np.zeros(0, np.int64)
    return Tokens(
        tokens.ids[flat],
        tokens.starts[flat],
        tokens.ends[flat],
        np.concatenate(([0], np.cumsum([len(each) for each in places], dtype=np.int64))),
        tokens.lengths[source],
        tokens.opening[flat],
        tokens.closing[flat],
        tokens.cases[flat],
    )
