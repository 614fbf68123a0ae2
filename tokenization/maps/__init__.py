"""Maps from a teacher's vocabulary to a student's, as sparse matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finkd.corpora.registry import Registry

if TYPE_CHECKING:  # listing the names must not import scipy
    from finkd.tokenization.maps.vocabulary_map import MapMethod

maps: Registry[type[MapMethod]] = Registry(
    "maps",
    {
        "exact": ("finkd.tokenization.maps.exact:Exact", "entries that mean the same, whatever marks and case"),
        "retokenization": (
            "finkd.tokenization.maps.retokenization:Retokenization",
            "each entry spelled in the other vocabulary",
        ),
        "mined": ("finkd.tokenization.maps.mined:MinED", "the entry with the nearest spelling"),
        "neighbours": (
            "finkd.tokenization.maps.neighbours:Neighbours",
            "equal entries, and for others those that occur in the same contexts",
        ),
    },
)
