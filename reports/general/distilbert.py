"""DistilBERT reproduced: scores kept on three tasks, time of a pass over STS-B, and what others have published."""

from __future__ import annotations

from collections.abc import Sequence

from finkd.reports.general.glue import POSTER
from finkd.reports.general.task_results import IDENTITY, TaskResults, data_notes, reference, score, task_results
from finkd.reports.table import Cell, Column, Field, Table, label, number, share
from finkd.reports.tables.published import Published, by_others
from finkd.suites.record import TaskRecord

TASKS = {"cola": "CoLA", "mrpc": "MRPC", "imdb": "IMDb"}


def three_tasks(records: Sequence[TaskRecord]) -> Table:
    """Make one row per system and method that was scored on all three."""
    tasks = list(TASKS)
    asked = [record for record in records if record.task in TASKS]
    found = [each for each in task_results(asked, "glue", "imdb") if each.average(tasks) is not None]
    teacher = reference(found)
    columns: list[Field[TaskResults]] = [
        *IDENTITY,
        *(score(task, heading) for task, heading in TASKS.items()),
        (Column("average", "Average"), lambda each: share(each.average(tasks))),
        (Column("retention", "Kept (%)"), lambda each: share(each.retention(teacher, tasks), 2)),
    ]
    notes = [
        "In percent. CoLA: Matthews correlation; MRPC: mean of F1 and accuracy; IMDb: accuracy.",
        *data_notes(found),
    ]
    if teacher is not None:
        notes.append(f"Kept: average as a share of that of {teacher.system}, {teacher.method}.")
    return Table.of("three-tasks", "CoLA, MRPC and IMDb", None, notes, columns, found)


def inference(records: Sequence[TaskRecord]) -> Table:
    """Make one row per system and processor."""
    found = task_results(records, "inference")
    base = {each.method: seconds for each in reversed(found) if each.role == "teacher" and (seconds := _seconds(each))}

    def speed(each: TaskResults) -> Cell:
        theirs, ours = base.get(each.method), _seconds(each)
        return number(theirs / ours if theirs and ours else None, 2)

    columns: list[Field[TaskResults]] = [
        *IDENTITY,
        (Column("mb", "Size (MB)"), lambda each: number(each.records[0].resources.bytes, 1, scale=1e6)),
        (Column("seconds", "Seconds"), lambda each: number(_seconds(each), 2)),
        (Column("speed", "Speed"), speed),
    ]
    notes = [
        "One pass over the pairs of STS-B's development set in fp32, one pair at a time, tokenizing included.",
        "Speed: how many times that of the teacher on the same processor.",
    ]
    passes = {record.config["passes"] for each in found for record in each.records if "passes" in record.config}
    if passes:
        notes.append(f"Timed passes, whose median counts: {' or '.join(map(str, sorted(passes)))}.")
    return Table.of("inference", "Time of a pass over STS-B", None, notes, columns, found)


def _seconds(each: TaskResults) -> float | None:
    return each.mean(lambda record: record.score)


_SANH = "sanh2019distilbert"
_TIMED = "timed by the poster of TinyDistilBERT"

DISTILBERT = (
    Published("ELMo", {"parameters": 180e6, "seconds": 895}, _SANH),
    Published("BERT-base", {"imdb": 93.46, "exact": 81.2, "f1": 88.5, "parameters": 110e6, "seconds": 668}, _SANH),
    Published(
        "DistilBERT",
        {"imdb": 92.82, "exact": 77.7, "f1": 85.8, "parameters": 66e6, "seconds": 410, "retention": 97},
        *(_SANH, "kept: of GLUE"),
    ),
    Published("DistilBERT, taught the task too", {"exact": 79.1, "f1": 86.9, "parameters": 66e6}, _SANH),
    Published("BERT-base", {"seconds": 423.65}, remark=_TIMED),
    Published("DistilBERT", {"seconds": 209.1}, remark=_TIMED),
    Published(
        "TinyDistilBERT",
        {"imdb": 86.19, "exact": 10.36, "f1": 18.58, "parameters": 66e6, "seconds": 215.79},
        remark=POSTER,
    ),
    Published(
        "DistilBERT by a student",
        {"retention": 94.35},
        remark="10 epochs of WikiText; kept: of CoLA, MRPC and IMDb",
    ),
)
"""Scores, exact match and F1 (of SQuAD 1.1) and retention (of BERT-base's score) in percent; seconds of a pass over
STS-B's development set at batch 1 on a CPU."""


def distilbert_published(records: Sequence[TaskRecord]) -> Table:
    """Make one row per published system, if a pass over STS-B was timed."""
    columns = [
        _as_printed("imdb", "IMDb"),
        _as_printed("exact", "SQuAD EM"),
        _as_printed("f1", "SQuAD F1"),
        (Column("parameters", "Params (M)"), lambda each: number(each.figures.get("parameters"), scale=1e6)),
        _as_printed("seconds", "STS-B pass (s)"),
        _as_printed("retention", "Kept (%)"),
    ]
    found = DISTILBERT if any(record.suite == "inference" for record in records) else ()
    notes = (
        "Not measured by finkd; scores in percent.",
        "Passes were timed on other machines: only ratios within one source can be compared.",
    )
    return by_others("distilbert-published", "DistilBERT, published by others", None, notes, columns, found)


def _as_printed(name: str, heading: str) -> Field[Published]:
    def cell(each: Published) -> Cell:
        value = each.figures.get(name)
        return label(None) if value is None else Cell(value, f"{value:g}")

    return Column(name, heading), cell
