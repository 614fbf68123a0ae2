"""The tables that a report holds: each is a function from a section to a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from finkd.corpora.registry import Registry

if TYPE_CHECKING:
    from finkd.reports.sections import Section
    from finkd.reports.table import Table

tables: Registry[Callable[[Section], Table]] = Registry(
    "tables",
    {
        "results": ("finkd.reports.tables.results:results", "systems by size, F1 over seeds, retention and speed"),
        "significance": (
            "finkd.reports.tables.significance:significance",
            "every system against the reference student: interval, p-value and effect size",
        ),
        "power": ("finkd.reports.tables.power:power", "the smallest difference that so many seeds would show"),
        "teachers": (
            "finkd.reports.tables.teachers:teachers",
            "the same student under several teachers: what each of them gains",
        ),
        "ablation": (
            "finkd.reports.tables.ablation:ablation",
            "F1 behind the reference student; mean rank; cost of training",
        ),
        "order": (
            "finkd.reports.tables.order:order",
            "what it is worth that a stage comes before another one, or at all, over all systems",
        ),
        "calibration": (
            "finkd.reports.tables.calibration:calibration",
            "scores of entities beside how often they are right",
        ),
        "types": ("finkd.reports.tables.types:types", "precision, recall and F1 of each entity type, with support"),
        "lineage": ("finkd.reports.tables.lineage:lineage", "stages of each system with their time and tokens"),
        "published": (
            "finkd.reports.tables.published:published",
            "what others have published on the corpus, with sources",
        ),
        "vocabulary": ("finkd.reports.tables.vocabulary:vocabulary", "figures of each system's vocabulary"),
    },
)
