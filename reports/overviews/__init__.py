"""Tables over several sections: each is a function from all of them to a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from corpora.registry import Registry

if TYPE_CHECKING:
    from reports.sections import Section
    from reports.table import Table

overviews: Registry[Callable[[Sequence[Section]], Table]] = Registry(
    "overviews",
    {
        "corpora": ("reports.overviews.corpora:corpora", "systems by corpora: micro-F1 of those scored on several"),
    },
)
