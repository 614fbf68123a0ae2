"""Plan batches of similar length within a token budget, from the seed alone."""

from __future__ import annotations

import math
from itertools import chain

import numpy as np

from finkd.tokenization.tokens import Longs

_POOL = 64


def plan(lengths: Longs, budget: int, seed: int, epoch: int) -> list[Longs]:
    """Plan the batches of an epoch: examples shuffled, sorted by length within pools, cut by budget, shuffled again.

    The plan depends on nothing but its arguments, so an interrupted epoch can be taken up at any batch.

    Args:
        lengths: (examples,) tokens of each example.
        budget: tokens of one batch after padding; an example that is longer stands alone.
        seed: seed of the run.
        epoch: number of the pass over the data.

    Returns:
        index arrays that together hold every example once.
    """
    random = np.random.Generator(np.random.PCG64([seed, epoch]))
    order = random.permutation(len(lengths))
    pool = max(1, _POOL * budget // max(1, int(lengths.mean()) if len(lengths) else 1))
    batches: list[Longs] = []
    for start in range(0, len(order), pool):
        batches += by_length(order[start : start + pool], lengths, budget)
    return [batches[i] for i in random.permutation(len(batches))]


def by_length(rows: Longs, lengths: Longs, budget: int) -> list[Longs]:
    """Sort examples, the longest first, and cut them into batches that hold a budget after padding.

    Batches of one padded length have one number of examples, so that few shapes occur (``on_grid``).
    """
    order = rows[np.argsort(-lengths[rows], kind="stable")]
    batches = []
    start = 0
    while start < len(order):
        stop = start + max(1, budget // max(1, on_grid(int(lengths[order[start]]))))
        batches.append(order[start:stop])
        start = stop
    return batches


def on_grid(length: int) -> int:
    """Round a length up to a multiple of 4, beyond 64 of 8.

    Processors with bf16 compile a matrix product for each shape that they meet, which takes as long as several of these
    products; so lengths are not as many as they could be.
    """
    step = 4 if length <= 64 else 8
    return -(-length // step) * step


def training_batches(lengths: Longs, budget: int, seed: int, epochs: float) -> list[Longs]:
    """Plan all batches of a training; a fraction of an epoch takes that share of its batches, at least one.

    Args:
        lengths: (examples,) tokens of each example.
        budget: tokens of a batch after padding.
        seed: seed of the run.
        epochs: passes over the data.
    """
    plans = [plan(lengths, budget, seed, epoch) for epoch in range(math.ceil(epochs))]
    if plans:
        part = epochs - len(plans) + 1
        plans[-1] = plans[-1][: max(1, round(part * len(plans[-1])))]
    return list(chain.from_iterable(plans))
