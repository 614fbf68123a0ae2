"""Choose the words to mask."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from finkd.data.batches import TrainingData
from finkd.tokenization.alignment import words_of_tokens
from finkd.tokenization.tokens import Longs


def with_masking(data: TrainingData, fraction: float, rarity: float = 0.0) -> TrainingData:
    """Return the same examples with masking probabilities for their words.

    A word's chance is in proportion to n^-rarity, n being how often its rarest token occurs in the text, and never
    above one: the chances of the other words make up for it. DistilBERT's training script chooses tokens in this way,
    with .7; the rule for words is finkd's.

    Args:
        data: examples.
        fraction: of the words, on average.
        rarity: 0 masks all words alike.
    """
    if rarity == 0 or len(data.word_ids) == 0:
        return replace(data, masking=fraction)
    weights = _rarest(data).astype(np.float64) ** -rarity
    descending = np.sort(weights)[::-1]
    # The scale that gives the fraction if the first 0, 1, 2... words have the chance one; the first that fits is right.
    scales = (fraction * len(weights) - np.arange(len(weights))) / np.cumsum(descending[::-1])[::-1]
    scale = scales[np.argmax(scales * descending <= 1)]
    return replace(data, masking=np.minimum(1.0, scale * weights).astype(np.float32))


def masking_version(rarity: float) -> dict[str, Any]:
    """Return what the addresses of stages hold beside ``rarity``, so that results of an earlier rule are not taken."""
    return {"version of rarity": 2} if rarity else {}


def _rarest(data: TrainingData) -> Longs:
    """Return (words,) the count of the rarest token that begins in each word; 1 where none does."""
    tokens = data.student.tokens
    occurs = np.bincount(tokens.ids)
    starts, ends = data.starts.astype(np.int64), data.ends.astype(np.int64)
    word = words_of_tokens(tokens, starts, ends, data.student.word_rows)
    inside = word >= 0
    most = np.iinfo(np.int64).max
    found = np.full(len(starts), most)
    np.minimum.at(found, word[inside], occurs[tokens.ids[inside]])
    return np.where(found == most, 1, found)
