"""SQuAD (Rajpurkar et al. 2016, 2018): exact match and F1."""

from __future__ import annotations

from collections.abc import Sequence

from finkd.reports.general.task_results import (
    IDENTITY,
    TaskResults,
    by_data,
    data_notes,
    metric,
    reference,
    task_results,
)
from finkd.reports.spread import Spread
from finkd.reports.table import Column, Field, Table, label, share
from finkd.suites.record import TaskRecord

_HEADINGS = {
    "exact": "Exact match",
    "f1": "F1",
    "f1_with_answer": "F1 with answer",
    "f1_without_answer": "F1 without",
}


def squad(records: Sequence[TaskRecord]) -> Table:
    """Make one row per system, method and set of questions, in percent."""
    together = task_results(records, "squad")
    teacher, found = reference(together), by_data(together)
    columns: list[Field[TaskResults]] = [
        *IDENTITY,
        (Column("questions", "Questions", "left"), lambda each: label(each.records[0].task)),
        *(metric(name, heading) for name, heading in _HEADINGS.items()),
        (Column("retention", "Retention of F1 (%)"), lambda each: share(_kept(each, teacher))),
    ]
    notes = [
        "In percent, by the rules of the official scripts. Where questions may have no answer, at the threshold that "
        "is best for F1 on the very questions, as these scripts report it.",
        *data_notes(found),
    ]
    if teacher is not None:
        notes.append(f"Retention: F1 as a share of that of {teacher.system}, {teacher.method}.")
    return Table.of("squad", "SQuAD", None, notes, columns, found)


def _kept(each: TaskResults, teacher: TaskResults | None) -> float | None:
    ours = each.mean(lambda record: record.metrics["f1"])
    task = each.records[0].task
    theirs = None if teacher is None else Spread.mean_of(record.metrics["f1"] for record in teacher.of(task))
    return ours / theirs if ours is not None and theirs else None
