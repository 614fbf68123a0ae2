"""Agreement of raters beyond chance: alpha of Krippendorff (2011), Computing Krippendorff's Alpha-Reliability."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


def ordinal_alpha(grades: Doubles) -> float | None:
    """Krippendorff's alpha for ordered grades: 1 - (n - 1) sum(o d) / sum(e d), over all pairs of grades.

    Args:
        grades: (raters, items) grades of any scale, NaN where there is none.

    Returns:
        1 where raters agree, 0 where they do as by chance, less where they contradict each other; ``None`` if no two
        raters graded one item, or all grades that can be compared are the same.
    """
    values, codes = np.unique(grades[~np.isnan(grades)], return_inverse=True)
    counts = np.zeros((grades.shape[1], len(values)))  # how often each item was given each grade
    np.add.at(counts, (np.nonzero(~np.isnan(grades))[1], codes), 1)
    counts = counts[counts.sum(axis=1) > 1]
    given = counts.sum(axis=0)
    if (given > 0).sum() < 2:
        return None
    observed = (counts / (counts.sum(axis=1, keepdims=True) - 1)).T @ counts  # pairs of unlike grades within an item
    expected = np.outer(given, given)
    distance = _ordinal_distances(given)
    return float(1 - (given.sum() - 1) * (observed * distance).sum() / (expected * distance).sum())


def _ordinal_distances(given: Doubles) -> Doubles:
    """(grades, grades) squared distances: two grades are as far apart as there are grades from the one to the other.

    Args:
        given: (grades,) how often each grade was given, the lowest first.
    """
    middle = np.cumsum(given) - given / 2
    distances: Doubles = (middle[:, None] - middle) ** 2
    return distances
