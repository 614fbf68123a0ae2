"""Compute the profile of one tokenizer on one text from its sums."""

from __future__ import annotations

import numpy as np

from finkd.tokenization.analysis.bootstrap import Bootstrap, Doubles, of_counts
from finkd.tokenization.analysis.counts import (
    CHARACTERS,
    CONTINUED,
    LOST,
    STRETCHES,
    TOKENS,
    WHOLE,
    Accumulator,
    Side,
    Tally,
)
from finkd.tokenization.analysis.metrics import Encoder, core_entries, renyi_efficiency
from finkd.tokenization.analysis.result import EntityTokens, Profile, TokenCounts
from finkd.tokenization.analysis.word_types import NUMBERS, SHAPES
from finkd.tokenization.tokens import Longs


def profile(
    corpus: str, name: str, text: Accumulator, side: Side, bootstrap: Bootstrap, encoder: Encoder | None
) -> Profile:
    """Compute the profile of a tokenizer on a text that holds at least one word."""
    total = side.words.total.T
    words, occurring = total[STRETCHES], side.counts.sum(axis=1, dtype=np.int64)
    special = set(side.tokenizer.special_ids.values())
    tokens = enumerate(side.tokenizer.vocabulary)
    real = np.array([index for index, token in tokens if token and index not in special], np.int64)
    counts = side.counts.sum(axis=0, dtype=np.int64)
    unknown = side.tokenizer.special_ids.get("unk")
    hidden = np.zeros_like(occurring) if unknown is None else side.counts[:, unknown].astype(np.int64)
    rate = bootstrap.rate

    def efficiency(drawn: Doubles) -> Doubles:
        return renyi_efficiency(drawn, len(real))

    used = np.flatnonzero(counts)
    return Profile(
        corpus=corpus,
        tokenizer=name,
        fertility=rate(total[TOKENS], words),
        continued_words=rate(total[CONTINUED], words),
        lost_words=rate(total[LOST], words),
        unknown_rate=rate(hidden, occurring),
        mean_length=rate(side.tokens, text.texts),
        length_95=percentile(side.lengths, 0.95),
        over_limit=rate(side.over, text.texts),
        renyi_efficiency=of_counts(efficiency, (bootstrap, side.counts[:, used])) if len(real) > 1 else None,
        used_entries=int(np.count_nonzero(counts[real])),
        dead_entries=int(np.count_nonzero(counts[real] == 0)),
        core_entries=core_entries(counts),
        flops_per_word=None
        if encoder is None
        else bootstrap.estimate(encoder.flops_per_word, side.tokens, words, text.texts),
        shapes=_token_counts(side.words, SHAPES, bootstrap),
        numbers=_token_counts(side.numbers, NUMBERS, bootstrap),
        entities=_entities("all", slice(None), side, bootstrap),
        types=tuple(
            found
            for type_, index in sorted(text.types.items())
            if (found := _entities(type_, slice(index, index + 1), side, bootstrap))
        ),
    )


def percentile(lengths: Longs, share: float) -> float:
    """Return the length below which this share of the texts lies, between two lengths if need be.

    Args:
        lengths: (longest + 1,) number of texts of each length.
        share: between 0 and 1.
    """
    running = np.cumsum(lengths)
    place = share * (running[-1] - 1)
    low, high = (int(np.searchsorted(running, whole, side="right")) for whole in (np.floor(place), np.ceil(place)))
    return low + (high - low) * float(place - np.floor(place))


def _token_counts(tally: Tally, names: tuple[str, ...], bootstrap: Bootstrap) -> tuple[TokenCounts, ...]:
    """Estimate the figures of each group that occurs."""
    found = []
    for index, name in enumerate(names):
        sums = tally.group(index).T
        count = int(sums[STRETCHES].sum())
        if count:
            tokens, continued, whole = (
                bootstrap.rate(sums[measure], sums[STRETCHES]) for measure in (TOKENS, CONTINUED, WHOLE)
            )
            characters = bootstrap.ratio(sums[CHARACTERS], sums[TOKENS])
            found.append(TokenCounts(name, count, tokens, continued, whole, characters))
    return tuple(found)


def _entities(name: str, types: slice, side: Side, bootstrap: Bootstrap) -> EntityTokens | None:
    entities = side.entities.sums[:, types].sum(axis=1).T
    words = side.entity_words.sums[:, types].sum(axis=1).T
    borders = side.borders[:, types].sum(axis=1).T
    if not entities[STRETCHES].any():
        return None
    rate = bootstrap.rate
    return EntityTokens(
        name=name,
        count=int(entities[STRETCHES].sum()),
        words=int(words[STRETCHES].sum()),
        fertility=rate(words[TOKENS], words[STRETCHES]),
        whole_words=rate(words[WHOLE], words[STRETCHES]),
        whole_entities=rate(entities[WHOLE], entities[STRETCHES]),
        borders_inside=rate(borders[1], borders[0]),
    )
