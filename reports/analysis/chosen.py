"""Which tokenizers of a long analysis are shown side by side; the sweep's table and the JSON file hold all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finkd.tokenization.analysis import Analysis

MOST = 4


def shown(analysis: Analysis) -> tuple[int, ...]:
    """Indices of the reference and at most three others, in their order.

    Where there are more, those that were given go first, then those at the knees of the curves, then the largest of
    each algorithm, then the others.
    """
    names = [vocabulary.name for vocabulary in analysis.vocabularies]
    preferred = dict.fromkeys(
        [
            0,
            *(index for index, v in enumerate(analysis.vocabularies) if v.origin == "given"),
            *(names.index(name) for name in _at_knees(analysis)),
            *(names.index(curve.tokenizers[-1]) for curve in analysis.curves),
            *range(len(names)),
        ]
    )
    return tuple(sorted(list(preferred)[:MOST]))


def _at_knees(analysis: Analysis) -> Iterable[str]:
    for curve in analysis.curves:
        if curve.knee is not None:
            yield curve.tokenizers[curve.sizes.index(curve.knee)]
