"""A whole report before it takes a format: every section with its tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from finkd.records import RunRecord
from finkd.reports.benchmark import benchmark_table, headline_table
from finkd.reports.general import general
from finkd.reports.overviews import overviews
from finkd.reports.sections import Section, sections
from finkd.reports.table import Table
from finkd.reports.tables import tables
from finkd.runtimes.record import BenchmarkRecord
from finkd.suites.record import TaskRecord

if TYPE_CHECKING:
    from finkd.reports.figures.canvas import Picture


@dataclass(frozen=True)
class Chapter:
    """One section and its tables by name; tables that would be empty are left out."""

    section: Section
    tables: Mapping[str, Table]

    @cached_property
    def pictures(self) -> tuple[Picture, ...]:
        """Figures of the report."""
        from finkd.reports.figures.canvas import pictures  # matplotlib takes a second to import

        return tuple(pictures(self.section))


@dataclass(frozen=True)
class Report:
    """Content of a report, which every format writes.

    Attributes:
        chapters: one for each section, in order.
        overviews: tables over all of them, of general tasks and of a benchmark, by name.
        task_records: of general tasks.
        benchmark: its records.
        error_pages: system -> path of the page of its errors, from the report's folder.
    """

    chapters: tuple[Chapter, ...]
    overviews: Mapping[str, Table] = field(default_factory=dict)
    task_records: tuple[TaskRecord, ...] = ()
    benchmark: tuple[BenchmarkRecord, ...] = ()
    error_pages: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def pictures(self) -> tuple[Picture, ...]:
        """Figures over all chapters: that of the benchmark."""
        from finkd.reports.figures.canvas import picture  # matplotlib takes a second to import
        from finkd.reports.figures.scatter import sizes

        drawn = self.benchmark and picture("benchmark", "micro-F1 against bytes", lambda: sizes(self.benchmark))
        return (drawn,) if drawn else ()

    def by_table(self) -> dict[str, list[Table]]:
        """Return the tables of each name over all chapters, for formats with one file per table."""
        found = {name: [table] for name, table in self.overviews.items()}
        for chapter in self.chapters:
            for name, table in chapter.tables.items():
                found.setdefault(name, []).append(table)
        return found


def compose(
    records: Iterable[RunRecord],
    names: Iterable[str] | None = None,
    task_records: Sequence[TaskRecord] = (),
    error_pages: Mapping[str, str] = MappingProxyType({}),
    benchmark: Sequence[BenchmarkRecord] = (),
) -> Report:
    """Return the report of some records with the named tables, or with all of them, and both of a benchmark.

    Raises:
        DataError: if there are no records, or they contradict each other.
        UnknownNameError: if there is no table of a name.
    """
    wanted = [*tables, *overviews, *general] if names is None else list(names)
    makers = {name: tables.get(name) for name in wanted if name not in overviews and name not in general}
    records = list(records)
    found = sections(records) if records or not (task_records or benchmark) else []
    over = {name: overviews.get(name)(found) for name in wanted if name in overviews}
    over |= {name: general.get(name)(task_records) for name in wanted if name in general}
    if benchmark:
        over |= {table.name: table for table in (headline_table(benchmark), benchmark_table(benchmark))}
    chapters = []
    for section in found:
        made = {name: make(section) for name, make in makers.items()}
        chapters.append(Chapter(section, {name: table for name, table in made.items() if table.rows}))
    shown = {name: table for name, table in over.items() if table.rows}
    return Report(tuple(chapters), shown, tuple(task_records), tuple(benchmark), error_pages)
