"""Mean and spread of one figure over seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Mean and spread of one figure over seeds.

    Attributes:
        mean: arithmetic mean.
        sd: sample standard deviation (divisor n - 1), or ``None`` for a single value.
        n: number of values.
    """

    mean: float
    sd: float | None
    n: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread | None:
        """Spread of the values that are there and finite; ``None`` if there are none."""
        found = [value for value in values if value is not None and math.isfinite(value)]
        if not found:
            return None
        return cls(statistics.fmean(found), statistics.stdev(found) if len(found) > 1 else None, len(found))

    @classmethod
    def mean_of(cls, values: Iterable[float | None]) -> float | None:
        """Mean of the values that are there and finite; ``None`` if there are none."""
        spread = cls.of(values)
        return None if spread is None else spread.mean
