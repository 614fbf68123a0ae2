"""Intervals for figures that are ratios of sums, or functions of counts, over blocks of a text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from finkd.tokenization.analysis.result import Estimate
from finkd.tokenization.tokens import Longs

Doubles = npt.NDArray[np.float64]
Counts = npt.NDArray[np.integer[Any]]

RESAMPLES = 1000
_RESAMPLES_OF_COUNTS = 200  # enough for a standard deviation (Efron and Tibshirani, 1993, section 6.4)
_PORTION = 10
_SEED = 20_251_121
_NORMAL_975 = 1.959964
NOTHING = Estimate(0.0)


@dataclass(frozen=True)
class Bootstrap:
    """Blocks of documents, drawn with replacement, the same draws for every figure of a text.

    Attributes:
        used: (blocks in use,) indices of the blocks that hold text.
        draws: (resamples, blocks in use) how often each is drawn.
    """

    used: Longs
    draws: Doubles

    @classmethod
    def over(cls, texts: Longs, stream: int = 0) -> Bootstrap:
        """Draw blocks among those that hold text.

        Args:
            texts: (blocks,) number of texts in each.
            stream: two texts that are compared need draws of their own.
        """
        used = np.flatnonzero(texts)
        shares = np.full(len(used), 1 / max(len(used), 1))
        draws = np.random.default_rng((_SEED, stream)).multinomial(len(used), shares, RESAMPLES)
        return cls(used, draws.astype(np.float64))

    def estimate(self, figure: Callable[..., Doubles], *sums: Longs | Doubles) -> Estimate | None:
        """Estimate a figure with its percentile interval of 95 %.

        Args:
            figure: from resampled sums, (resamples,) each, to the figure, (resamples,).
            sums: (blocks,) each.

        Returns:
            ``None`` if the figure is not defined on the whole text (a share of nothing). The interval is left out if
            fewer than two blocks hold text.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            value = float(figure(*(np.array([column.sum()], np.float64) for column in sums))[0])
            if not np.isfinite(value):
                return None
            if len(self.used) < 2:
                return Estimate(value)
            drawn = figure(*(self.draws @ column[self.used] for column in sums))
        return _with_percentiles(value, drawn)

    def ratio(self, part: Longs, whole: Longs) -> Estimate | None:
        """Return ``part / whole``, both (blocks,), with its interval; ``None`` if ``whole`` is zero throughout."""
        return self.estimate(np.divide, part, whole)

    def rate(self, part: Longs, whole: Longs) -> Estimate:
        """Return :meth:`ratio`, and zero where there is nothing to divide by."""
        return self.ratio(part, whole) or NOTHING


def of_counts(
    figure: Callable[..., Doubles], *samples: tuple[Bootstrap, Counts], ceiling: float = 1.0
) -> Estimate | None:
    """Estimate a function of token counts, with a normal interval from the bootstrap's standard deviation.

    Percentiles would mislead here: a resample repeats blocks, so rare tokens vanish and every entropy and divergence
    moves one way.

    Args:
        figure: from counts, (resamples, tokens) each, to the figure, (resamples,).
        samples: the draws of a text and its (blocks, tokens) counts; every text has draws of its own.
        ceiling: the interval is clipped to 0..ceiling.

    Returns:
        ``None`` if the figure is not defined on the whole texts. The interval is left out if a text has one block only.
    """
    value = float(figure(*(counts.sum(axis=0, keepdims=True).astype(np.float64) for _, counts in samples))[0])
    if not np.isfinite(value):
        return None
    if any(len(bootstrap.used) < 2 for bootstrap, _ in samples):
        return Estimate(value)
    blocks = [(bootstrap.draws, counts[bootstrap.used].astype(np.float64)) for bootstrap, counts in samples]
    drawn = [
        # A few resamples at a time fit the processor's cache.
        figure(*(draws[start : start + _PORTION] @ counts for draws, counts in blocks))
        for start in range(0, _RESAMPLES_OF_COUNTS, _PORTION)
    ]
    margin = _NORMAL_975 * float(np.std(np.concatenate(drawn), ddof=1))
    return Estimate(value, max(value - margin, 0.0), min(value + margin, ceiling))


def quotient(above: tuple[Bootstrap, Longs, Longs], below: tuple[Bootstrap, Longs, Longs]) -> Estimate | None:
    """Divide a ratio on one text by the same ratio on another, with a percentile interval.

    Args:
        above: draws of a text, with the parts and wholes of its blocks.
        below: of the other text.
    """
    first, second = above[0].ratio(*above[1:]), below[0].ratio(*below[1:])
    if first is None or second is None or not second.value:
        return None
    value = first.value / second.value
    if min(len(above[0].used), len(below[0].used)) < 2:
        return Estimate(value)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [[draws.draws @ column[draws.used] for column in columns] for draws, *columns in (above, below)]
        drawn = np.divide(*(part / whole for part, whole in parts))
    return _with_percentiles(value, drawn)


def _with_percentiles(value: float, drawn: Doubles) -> Estimate:
    low, high = np.percentile(drawn[np.isfinite(drawn)], [2.5, 97.5])
    return Estimate(value, float(low), float(high))
