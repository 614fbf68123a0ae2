"""SQuAD (Rajpurkar et al. 2016, 2018): exact match and F1."""

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
from finkd.reports.general.glue import spread_in_percent
from finkd.reports.sections import Spread
from finkd.reports.table import Cell, Column, Table, label, share
from finkd.suites.record import TaskRecord

_HEADINGS = {
    "exact": "Exact match",
    "f1": "F1",
    "f1_with_answer": "F1 with answer",
    "f1_without_answer": "F1 without",
}


def squad(records: Sequence[TaskRecord]) -> Table:
    """One row per system, method and set of questions, in percent."""
    found = contenders(records, "squad")
    teacher = reference(found)
    columns: list[tuple[Column, Callable[[Contender], Cell]]] = [
        *identity(),
        (Column("questions", "Questions", "left"), lambda each: label(_task(each), each.ids)),
        *((Column(name, heading), _metric(name)) for name, heading in _HEADINGS.items()),
        (Column("retention", "Retention of F1 (%)"), lambda each: share(_kept(each, teacher), 1, each.ids)),
    ]
    notes = [
        "In percent, by the rules of the official scripts. Where questions may have no answer, at the threshold that "
        "is best for F1 on the very questions, as these scripts report it.",
        seeds_note(found),
        *sample_note(found),
        *length_note(found),
    ]
    if teacher is not None:
        notes.append(f"Retention: F1 as a share of that of {teacher.system}, {teacher.method}.")
    return table("squad", "SQuAD", notes, columns, found)


def _task(each: Contender) -> str:
    return ", ".join(dict.fromkeys(record.task for record in each.records))


def _metric(name: str) -> Callable[[Contender], Cell]:
    def cell(each: Contender) -> Cell:
        return spread_in_percent(Spread.of(record.metrics.get(name) for record in each.records), each, _task(each))

    return cell


def _kept(each: Contender, teacher: Contender | None) -> float | None:
    ours = Spread.of(record.metrics["f1"] for record in each.records)
    theirs = None if teacher is None else Spread.of(record.metrics["f1"] for record in teacher.of(_task(each)))
    return ours.mean / theirs.mean if ours and theirs and theirs.mean else None
