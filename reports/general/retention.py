"""What a small encoder keeps of a large one on the three tasks by which DistilBERT is commonly reproduced."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from finkd.reports.general.contenders import (
    Contender,
    contenders,
    identity,
    length_note,
    reference,
    sample_note,
    seeds_note,
    table,
)
from finkd.reports.general.glue import average, retention, spread_in_percent
from finkd.reports.table import Cell, Column, Table, number, share
from finkd.suites.record import TaskRecord

TASKS = {"cola": "CoLA", "mrpc": "MRPC", "imdb": "IMDb"}


def three_tasks(records: Sequence[TaskRecord]) -> Table:
    """One row per system and method that was scored on all three."""
    asked = [record for record in records if record.task in TASKS]
    found = [each for each in contenders(asked, "glue", "imdb") if average(each, list(TASKS)) is not None]
    teacher = reference(found)
    columns: list[tuple[Column, Callable[[Contender], Cell]]] = [
        *identity(),
        *((Column(task, heading), _score(task)) for task, heading in TASKS.items()),
        (Column("average", "Average"), lambda each: number(average(each, list(TASKS)), 1, each.ids, scale=0.01)),
        (Column("retention", "Kept (%)"), lambda each: share(retention(each, teacher, list(TASKS)), 2, each.ids)),
    ]
    notes = [
        "In percent. CoLA: Matthews correlation; MRPC: mean of F1 and accuracy; IMDb: accuracy.",
        seeds_note(found),
        *sample_note(found),
        *length_note(found),
    ]
    if teacher is not None:
        notes.append(f"Kept: average as a share of that of {teacher.system}, {teacher.method}.")
    return table("three-tasks", "CoLA, MRPC and IMDb", notes, columns, found)


def _score(task: str) -> Callable[[Contender], Cell]:
    return lambda each: spread_in_percent(each.scores(task), each, task)
