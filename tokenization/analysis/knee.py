"""Where a falling curve stops paying: its knee."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_LEAST_BEND = 1e-9


def knee(sizes: Sequence[float], costs: Sequence[float]) -> float | None:
    """The point of a curve that lies farthest below the straight line between its ends, both axes scaled to 0..1.

    That is Kneedle without its smoothing and threshold (Satopaa et al., "Finding a 'Kneedle' in a Haystack", ICDCS
    Workshops 2011). It depends on the range of sizes that was tried; past the knee, further entries buy less than the
    sweep's average.

    Args:
        sizes: rising.
        costs: of each size.

    Returns:
        the size at the knee; ``None`` for fewer than three points, for a curve that does not fall from its first to
        its last point, and for one that never dips below the line.
    """
    if len(sizes) < 3 or costs[-1] >= costs[0]:
        return None
    x, y = np.asarray(sizes, np.float64), np.asarray(costs, np.float64)
    below = (1 - (x - x[0]) / (x[-1] - x[0])) - (y - y[-1]) / (y[0] - y[-1])
    best = int(np.argmax(below))
    return float(x[best]) if below[best] > _LEAST_BEND else None
