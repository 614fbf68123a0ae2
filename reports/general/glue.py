"""GLUE (Wang et al. 2019): one column per task, the average and what is kept of the teacher's."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from finkd.reports.general.contenders import (
    SAMPLE,
    Contender,
    contenders,
    identity,
    length_note,
    reference,
    sample_note,
    seeds_note,
    table,
)
from finkd.reports.sections import Spread
from finkd.reports.table import Cell, Column, Table, number, plain, share
from finkd.suites.record import TaskRecord

TASKS = {
    "cola": "CoLA",
    "mnli": "MNLI",
    "mrpc": "MRPC",
    "qnli": "QNLI",
    "qqp": "QQP",
    "rte": "RTE",
    "sst-2": "SST-2",
    "sts-b": "STS-B",
    "wnli": "WNLI",
}


def glue(records: Sequence[TaskRecord]) -> Table:
    """One row per system and method, scores in percent."""
    found = contenders(records, "glue")
    teacher = reference(found)
    shown = [task for task in TASKS if any(each.of(task) for each in found)]
    samples = {record.task for each in found for record in each.records if record.samples}
    columns: list[tuple[Column, Callable[[Contender], Cell]]] = identity()
    for task in shown:
        heading = TASKS[task] + (SAMPLE if task in samples else "")
        columns.append((Column(task, heading), _cell(task)))
    columns += [
        (Column("average", "Average"), lambda each: percent(average(each, shown), each)),
        (Column("retention", "Retention (%)"), lambda each: share(retention(each, teacher, shown), 1, each.ids)),
    ]
    return table("glue", "GLUE", _notes(found, teacher, shown), columns, found)


def _cell(task: str) -> Callable[[Contender], Cell]:
    return lambda each: spread_in_percent(each.scores(task), each, task)


def spread_in_percent(found: Spread | None, each: Contender, task: str) -> Cell:
    """A score over seeds as papers print it, with one decimal."""
    ids = tuple(record.id for record in each.of(task))
    if found is None or found.sd is None:
        return share(None if found is None else found.mean, 1, ids)
    return Cell(found.mean, plain(f"{100 * found.mean:.1f} ± {100 * found.sd:.1f} ({found.n})"), ids)


def percent(value: float | None, each: Contender) -> Cell:
    """A score in percent."""
    return number(value, 1, each.ids, scale=0.01)


def average(each: Contender, tasks: Sequence[str]) -> float | None:
    """Mean of the tasks' scores, if it has all of them."""
    found = [score for task in tasks if (score := each.score(task)) is not None]
    return statistics.fmean(found) if len(found) == len(tasks) and found else None


def retention(each: Contender, teacher: Contender | None, tasks: Sequence[str]) -> float | None:
    """Its average as a share of the teacher's."""
    ours, theirs = average(each, tasks), None if teacher is None else average(teacher, tasks)
    return ours / theirs if ours is not None and theirs else None


def _notes(found: Sequence[Contender], teacher: Contender | None, shown: Sequence[str]) -> list[str]:
    notes = [
        "In percent. CoLA: Matthews correlation; MRPC and QQP: mean of F1 and accuracy; STS-B: mean of Pearson and "
        "Spearman correlation; the others: accuracy.",
        "Scored on the development sets, which nothing was chosen on but the settings of all systems alike.",
        seeds_note(found),
        *sample_note(found),
        *length_note(found),
    ]
    if teacher is not None and len(found) > 1:
        notes.append(f"Retention: average as a share of that of {teacher.system}, {teacher.method}.")
    if len(shown) < len(TASKS):
        notes.append("Average: of these tasks alone, not GLUE's nine.")
    return notes
