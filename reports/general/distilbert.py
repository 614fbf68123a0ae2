"""DistilBERT reproduced: scores kept on three tasks, time of a pass over STS-B, and what others have published."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finkd.reports.general.contenders import (
    Columns,
    Contender,
    contenders,
    data_notes,
    identity,
    reference,
    score_columns,
)
from finkd.reports.general.glue import POSTER, source
from finkd.reports.table import Cell, Column, Table, label, number, share
from finkd.suites.record import TaskRecord

TASKS = {"cola": "CoLA", "mrpc": "MRPC", "imdb": "IMDb"}


def three_tasks(records: Sequence[TaskRecord]) -> Table:
    """Make one row per system and method that was scored on all three."""
    tasks = list(TASKS)
    asked = [record for record in records if record.task in TASKS]
    found = [each for each in contenders(asked, "glue", "imdb") if each.average(tasks) is not None]
    teacher = reference(found)
    columns: Columns = [
        *identity(),
        *score_columns(TASKS),
        (Column("average", "Average"), lambda each: share(each.average(tasks), 1, each.ids)),
        (Column("retention", "Kept (%)"), lambda each: share(each.retention(teacher, tasks), 2, each.ids)),
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
    found = contenders(records, "inference")
    base = {each.method: seconds for each in reversed(found) if each.role == "teacher" and (seconds := _seconds(each))}

    def speed(each: Contender) -> Cell:
        theirs, ours = base.get(each.method), _seconds(each)
        return number(theirs / ours if theirs and ours else None, 2, each.ids)

    columns: Columns = [
        *identity(),
        (Column("mb", "Size (MB)"), lambda each: number(each.records[0].resources.bytes, 1, each.ids, scale=1e6)),
        (Column("seconds", "Seconds"), lambda each: number(_seconds(each), 2, each.ids)),
        (Column("speed", "Speed"), speed),
    ]
    notes = [
        "One pass over the pairs of STS-B's development set in fp32, one pair at a time, tokenizing included; "
        "the median of several.",
        "Speed: how many times that of the teacher on the same processor.",
    ]
    return Table.of("inference", "Time of a pass over STS-B", None, notes, columns, found)


def _seconds(each: Contender) -> float | None:
    return each.mean(lambda record: record.score)


@dataclass(frozen=True)
class PublishedDistilbert:
    """What is published of DistilBERT and its reproductions; ``None`` where nothing is.

    Attributes:
        system: as its authors call it.
        imdb: accuracy, in percent.
        exact: exact match on SQuAD 1.1, in percent.
        f1: the same for F1.
        parameters: weights.
        seconds: of a pass over STS-B's development set at batch 1 on a CPU.
        retention: score as a share of BERT-base's, in percent.
        source: key of the work in ``finkd.reports.literature``, or nothing.
        remark: what a reader should know of it.
    """

    system: str
    imdb: float | None = None
    exact: float | None = None
    f1: float | None = None
    parameters: float | None = None
    seconds: float | None = None
    retention: float | None = None
    source: str = ""
    remark: str = ""


DISTILBERT = (
    PublishedDistilbert("ELMo", parameters=180e6, seconds=895, source="sanh2019distilbert"),
    PublishedDistilbert("BERT-base", 93.46, 81.2, 88.5, 110e6, 668, None, "sanh2019distilbert"),
    PublishedDistilbert("DistilBERT", 92.82, 77.7, 85.8, 66e6, 410, 97, "sanh2019distilbert", "kept: of GLUE"),
    PublishedDistilbert("DistilBERT, taught the task too", None, 79.1, 86.9, 66e6, None, None, "sanh2019distilbert"),
    PublishedDistilbert("BERT-base", seconds=423.65, remark="timed by the poster of TinyDistilBERT"),
    PublishedDistilbert("DistilBERT", seconds=209.1, remark="timed by the poster of TinyDistilBERT"),
    PublishedDistilbert("TinyDistilBERT", 86.19, 10.36, 18.58, 66e6, 215.79, None, "", POSTER),
    PublishedDistilbert(
        "DistilBERT by a student", retention=94.35, remark="10 epochs of WikiText; kept: of CoLA, MRPC and IMDb"
    ),
)


def distilbert_published(records: Sequence[TaskRecord]) -> Table:
    """Make one row per published system, if a pass over STS-B was timed."""
    columns: list[tuple[Column, Callable[[PublishedDistilbert], Cell]]] = [
        (Column("system", "System", "left"), lambda each: label(each.system)),
        (Column("imdb", "IMDb"), lambda each: _as_printed(each.imdb)),
        (Column("exact", "SQuAD EM"), lambda each: _as_printed(each.exact)),
        (Column("f1", "SQuAD F1"), lambda each: _as_printed(each.f1)),
        (Column("parameters", "Params (M)"), lambda each: number(each.parameters, 0, scale=1e6)),
        (Column("seconds", "STS-B pass (s)"), lambda each: _as_printed(each.seconds)),
        (Column("retention", "Kept (%)"), lambda each: _as_printed(each.retention)),
        (Column("source", "Source", "left"), lambda each: source(each.source)),
        (Column("remark", "Remark", "left"), lambda each: label(each.remark)),
    ]
    found = DISTILBERT if any(record.suite == "inference" for record in records) else ()
    notes = (
        "Not measured by finkd; scores in percent.",
        "Passes were timed on other machines: only ratios within one source can be compared.",
    )
    return Table.of("distilbert-published", "DistilBERT, published by others", None, notes, columns, found)


def _as_printed(value: float | None) -> Cell:
    return label(None) if value is None else Cell(value, f"{value:g}")
