"""The stages of each system in order, with their time and tokens."""

from __future__ import annotations

from dataclasses import dataclass

from finkd.reports.sections import Section, Spread, SystemResults
from finkd.reports.table import Cell, Column, Table, label, number


@dataclass(frozen=True)
class _Step:
    """One stage of one system, over its seeds."""

    system: SystemResults
    position: int

    @property
    def kind(self) -> str:
        return next(r.lineage[self.position].kind for r in self.system.records if len(r.lineage) > self.position)

    def mean(self, figure: str, digits: int) -> Cell:
        lineages = (record.lineage for record in self.system.records)
        figures = (getattr(stages[self.position], figure) for stages in lineages if len(stages) > self.position)
        return number(Spread.mean_of(figures), digits, self.system.ids)


def lineage(section: Section) -> Table:
    """Make one row per stage of each system; systems that need no training have none."""
    columns = [
        (
            Column("system", "System", "left"),
            lambda step: label(step.system.name, step.system.ids, shown=step.position == 0),
        ),
        (Column("position", "Stage"), lambda step: number(step.position + 1, 0, step.system.ids)),
        (Column("kind", "Kind", "left"), lambda step: label(step.kind, step.system.ids)),
        (Column("seconds", "Time (s)"), lambda step: step.mean("seconds", 1)),
        (Column("tokens", "Tokens seen"), lambda step: step.mean("tokens", 0)),
    ]
    steps = [
        _Step(system, position)
        for system in section.systems
        for position in range(max(len(record.lineage) for record in system.records))
    ]
    notes = [
        "Means over seeds. Time: when the stage was computed, even if this run took its result from the store.",
        "Tokens: tokens without padding.",
    ]
    return Table.of("lineage", "Stages", section, notes, columns, steps)
