"""How a model reads whole texts: one alone or two together, and long ones in parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from finkd.corpora.errors import ConfigError
from finkd.corpora.tasks.task import Example
from finkd.data.encoding import Encoded
from finkd.tokenization.tokenizer import Longs, Tokenizer, Tokens

Long = Literal["head", "head+tail", "windows"]
"""What is read of a text that is longer than a model may read: its beginning; a quarter of the room from its beginning
and the rest from its end (Sun et al. 2019, arXiv 1905.05583, section 5.3.1); or all of it, in windows that overlap by
half, whose scores are averaged."""


@dataclass(frozen=True)
class Reading:
    """Texts as a model reads them.

    Attributes:
        encoded: the examples; ``first`` is the token that opens each, where a text's score is taken.
        source: (examples,) the text that each is of; only windows give a text more than one.
        too_long: how many texts were longer than the limit.
    """

    encoded: Encoded
    source: Longs
    too_long: int


def read_texts(examples: Sequence[Example], tokenizer: Tokenizer, limit: int, long: Long = "head") -> Reading:
    """Cut texts into tokens, none of more than ``limit``.

    Args:
        examples: single texts, or pairs.
        tokenizer: of the model.
        limit: most tokens of an example, special tokens included.
        long: what is read of longer texts; of a pair, the longer text is shortened until both fit.

    Raises:
        ConfigError: if there is no such way to read long texts, or pairs are to be read in windows.
    """
    if long not in get_args(Long):
        raise ConfigError(f"long: unknown value (got {long!r}; choose from {', '.join(get_args(Long))})")
    tokens = tokenizer.encode([example.first for example in examples])
    is_paired = any(example.second for example in examples)
    if is_paired:
        if long != "head":
            raise ConfigError(f"long: pairs of texts cannot be read as {long!r}; choose 'head'")
        tokens, too_long = _pairs(tokens, tokenizer.encode([each.second for each in examples]), tokenizer, limit)
        source = np.arange(len(tokens))
    else:
        too_long = int((np.diff(tokens.rows) > limit).sum())
        tokens, source = _shortened(tokens, limit, long)
    count = len(tokens)
    encoded = Encoded.of(tokens, tokens.rows[:-1], np.arange(count + 1), tokenizer, is_paired=is_paired)
    return Reading(encoded, source, too_long)


def _shortened(tokens: Tokens, limit: int, long: Long) -> tuple[Tokens, Longs]:
    """The tokens of each example and the text that it is of."""
    places: list[Longs] = []
    source: list[int] = []
    for row, (start, stop) in enumerate(zip(tokens.rows[:-1].tolist(), tokens.rows[1:].tolist(), strict=True)):
        for each in _parts(stop - start, limit, long):
            places.append(start + each)
            source.append(row)
    return chosen(tokens, places, np.array(source, np.int64)), np.array(source, np.int64)


def _parts(count: int, limit: int, long: Long) -> list[Longs]:
    """Which tokens of a text are read together; each part has the opening token and the closing one."""
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
    """Both texts of each example in one row, and how many had to be shortened.

    Between the texts stand as many closing tokens as the tokenizer puts there: BERT one, RoBERTa two.
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
    """The tokens of all first texts, then those of all second ones; ``lengths`` are those of the pairs.

    Characters of a second text are counted on from the end of its first one, as if one stood between them.
    """
    shift = np.repeat(first.lengths + 1, np.diff(second.rows)).astype(np.int32)
    return Tokens(
        np.concatenate((first.ids, second.ids)),
        np.concatenate((first.starts, second.starts + shift)),
        np.concatenate((first.ends, second.ends + shift)),
        np.concatenate((first.rows, first.rows[-1] + second.rows[1:])),
        first.lengths + 1 + second.lengths,
        np.concatenate((first.opening, second.opening)),
        np.concatenate((first.closing, second.closing)),
    )


def _fair(first: int, second: int, room: int) -> tuple[int, int]:
    """How much of two texts fits, the longer one being shortened first."""
    if first + second <= room:
        return first, second
    half = room // 2
    if first <= half:
        return first, room - first
    if second <= half:
        return room - second, second
    return room - half, half


def chosen(tokens: Tokens, places: Sequence[Longs], source: Longs) -> Tokens:
    """Rows made of some of the tokens.

    Args:
        tokens: all of them.
        places: of each row, which tokens.
        source: (rows,) number of the text, whose length in characters the row has.
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
    )
