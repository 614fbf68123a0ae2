"""GLUE (Wang et al. 2019): the score of each task, their average and its retention; what others have published."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from finkd.reports.general.task_results import IDENTITY, SAMPLE, TaskResults, data_notes, reference, score, task_results
from finkd.reports.table import Cell, Column, Field, Table, number, share
from finkd.reports.tables.published import Published, by_others
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
    """Make one row per system and method, scores in percent."""
    found = task_results(records, "glue")
    teacher = reference(found)
    shown = [task for task in TASKS if any(each.of(task) for each in found)]
    samples = {record.task for each in found for record in each.records if record.samples}
    columns: list[Field[TaskResults]] = [
        *IDENTITY,
        *(score(task, TASKS[task] + (SAMPLE if task in samples else "")) for task in shown),
        (Column("average", "Average"), lambda each: share(each.average(shown))),
        (Column("retention", "Retention (%)"), lambda each: share(each.retention(teacher, shown))),
    ]
    notes = [
        "In percent. CoLA: Matthews correlation; MRPC and QQP: mean of F1 and accuracy; STS-B: mean of Pearson and "
        "Spearman correlation; the others: accuracy.",
        "Scored on the development sets.",
        *data_notes(found),
    ]
    if teacher is not None and len(found) > 1:
        notes.append(f"Retention: average as a share of that of {teacher.system}, {teacher.method}.")
    if len(shown) < len(TASKS):
        notes.append("Average: of these tasks alone, not GLUE's nine.")
    return Table.of("glue", "GLUE", None, notes, columns, found)


POSTER = "a poster of students; distilled on WikiText-2 alone"
_SANH = ("sanh2019distilbert", "development sets, median of five runs")
_HEADINGS = TASKS | {"average": "Average"}

PUBLISHED = tuple(
    Published(system, dict(zip(_HEADINGS, scores, strict=True)), *about)
    for system, scores, about in (
        ("ELMo", (44.1, 68.6, 76.6, 71.1, 86.2, 53.4, 91.5, 70.4, 56.3, 68.7), _SANH),
        ("BERT-base", (56.3, 86.7, 88.6, 91.8, 89.6, 69.3, 92.7, 89.0, 53.5, 79.5), _SANH),
        ("DistilBERT", (51.3, 82.2, 87.5, 89.2, 88.5, 59.9, 91.3, 86.9, 56.3, 77.0), _SANH),
        ("TinyDistilBERT", (12.8, 60.3, 80.5, 60.2, 72.8, 53.0, 79.2, 18.1, 56.3, 54.9), ("", POSTER)),
    )
)
"""In percent, the average as they print it."""


def glue_published(records: Sequence[TaskRecord]) -> Table:
    """Make one row per published system, if anything of GLUE was measured."""
    columns = [(Column(name, heading), _published(name)) for name, heading in _HEADINGS.items()]
    found = PUBLISHED if any(record.suite == "glue" for record in records) else ()
    notes = (
        "Not measured by finkd; in percent.",
        "Of MRPC and QQP papers print F1 or accuracy or their mean: compare sizes of differences, not the scores.",
    )
    return by_others("glue-published", "GLUE, published by others", None, notes, columns, found)


def _published(name: str) -> Callable[[Published], Cell]:
    return lambda each: number(each.figures[name], 1)
