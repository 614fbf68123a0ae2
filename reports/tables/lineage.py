"""The stages of each system in order, with their time and tokens."""

from __future__ import annotations

import pandas as pd

from finkd.reports.sections import Section, Spread
from finkd.reports.table import Column, Table, label, number


def lineage(section: Section) -> Table:
    """Make one row per stage of each system; systems that need no training have none."""
    stages = pd.DataFrame(
        [
            (system.name, place, system.ids, stage.kind, stage.seconds, stage.tokens)
            for system in section.systems
            for record in system.records
            for place, stage in enumerate(record.lineage, 1)
        ],
        columns=["system", "position", "ids", "kind", "seconds", "tokens"],
    )
    means = {"ids": "first", "kind": "first", "seconds": Spread.mean_of, "tokens": Spread.mean_of}
    steps = stages.groupby(["system", "position"], sort=False).agg(means).reset_index()
    columns = [
        (Column("system", "System", "left"), lambda step: label(step.system, shown=step.position == 1)),
        (Column("position", "Stage"), lambda step: number(step.position)),
        (Column("kind", "Kind", "left"), lambda step: label(step.kind)),
        (Column("seconds", "Time (s)"), lambda step: number(step.seconds, 1)),
        (Column("tokens", "Tokens seen"), lambda step: number(step.tokens)),
    ]
    notes = [
        "Means over seeds. Time: when the stage was computed, even if this run took its result from the store.",
        "Tokens: tokens without padding.",
    ]
    return Table.of("lineage", "Stages", section, notes, columns, steps.itertuples())
