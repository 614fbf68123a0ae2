"""Tables over several sections: each is a function from all of them to a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from finkd.corpora.registry import Registry

if TYPE_CHECKING:
    from finkd.reports.sections import Section
    from finkd.reports.table import Table

overviews: Registry[Callable[[Sequence[Section]], Table]] = Registry(
    "overviews",
    {
        "corpora": (
            "finkd.reports.overviews.corpora:corpora",
            "systems by corpora: micro-F1 of those scored on several",
        ),
    },
)
