"""The stages of each system in order, with their time and tokens."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

from finkd.records import StageRecord
from finkd.reports.sections import Section
from finkd.reports.spread import Spread
from finkd.reports.table import Column, Table, label, number


@dataclass(frozen=True)
class _Step:
    """One stage of one system, over its seeds."""

    system: str
    ids: tuple[str, ...]
    position: int
    stages: list[StageRecord]

    def mean(self, figure: str) -> float | None:
        return Spread.mean_of(getattr(stage, figure) for stage in self.stages)


def lineage(section: Section) -> Table:
    """Make one row per stage of each system; systems that need no training have none."""
    columns = [
        (Column("system", "System", "left"), lambda step: label(step.system, shown=step.position == 1)),
        (Column("position", "Stage"), lambda step: number(step.position)),
        (Column("kind", "Kind", "left"), lambda step: label(step.stages[0].kind)),
        (Column("seconds", "Time (s)"), lambda step: number(step.mean("seconds"), 1)),
        (Column("tokens", "Tokens seen"), lambda step: number(step.mean("tokens"))),
    ]
    if any(stage.bytes is not None for record in section.records for stage in record.lineage):
        columns.append((Column("bytes", "Disk (MB)"), lambda step: number(step.mean("bytes"), 1, scale=1e6)))
    steps = [
        _Step(system.name, system.ids, position, [stage for stage in stages if stage])
        for system in section.systems
        for position, stages in enumerate(zip_longest(*(record.lineage for record in system.records)), 1)
    ]
    notes = [
        "Means over seeds. Time: when the stage was computed, even if this run took its result from the store.",
        "Tokens: tokens without padding. A stage that is the first one to ask for a teacher's labels waits for them.",
    ]
    return Table.of("lineage", "Stages", section, notes, columns, steps)
