"""What others have published, apart from what is measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finkd.reports.general.glue import TASKS
from finkd.reports.literature import references
from finkd.reports.table import Cell, Column, Table, label, number
from finkd.suites.record import TaskRecord


@dataclass(frozen=True)
class PublishedGlue:
    """Published scores, in percent.

    Attributes:
        system: as its authors call it.
        scores: of the tasks in the order of ``TASKS``.
        average: as they print it.
        source: key of the work in ``finkd.reports.literature``, or nothing.
        remark: what a reader should know of it.
    """

    system: str
    scores: tuple[float, ...]
    average: float
    source: str
    remark: str = "development sets, median of five runs"


POSTER = "a poster of students; distilled on WikiText-2 alone"

PUBLISHED = (
    PublishedGlue("ELMo", (44.1, 68.6, 76.6, 71.1, 86.2, 53.4, 91.5, 70.4, 56.3), 68.7, "sanh2019distilbert"),
    PublishedGlue("BERT-base", (56.3, 86.7, 88.6, 91.8, 89.6, 69.3, 92.7, 89.0, 53.5), 79.5, "sanh2019distilbert"),
    PublishedGlue("DistilBERT", (51.3, 82.2, 87.5, 89.2, 88.5, 59.9, 91.3, 86.9, 56.3), 77.0, "sanh2019distilbert"),
    PublishedGlue("TinyDistilBERT", (12.8, 60.3, 80.5, 60.2, 72.8, 53.0, 79.2, 18.1, 56.3), 54.9, "", POSTER),
)


def glue_published(records: Sequence[TaskRecord]) -> Table:
    """One row per published system, if anything of GLUE was measured."""
    columns: list[tuple[Column, Callable[[PublishedGlue], Cell]]] = [
        (Column("system", "System", "left"), lambda each: label(each.system)),
        *((Column(task, heading), _score(place)) for place, (task, heading) in enumerate(TASKS.items())),
        (Column("average", "Average"), lambda each: number(each.average, 1)),
        (Column("source", "Source", "left"), lambda each: _source(each.source)),
        (Column("remark", "Remark", "left"), lambda each: label(each.remark)),
    ]
    found = PUBLISHED if any(record.suite == "glue" for record in records) else ()
    rows = tuple(tuple(cell(each) for _, cell in columns) for each in found)
    notes = (
        "Not measured by finkd; in percent.",
        "Of MRPC and QQP papers print F1 or accuracy or their mean: compare sizes of differences, not the scores.",
    )
    return Table("glue-published", "GLUE, published by others", notes, tuple(column for column, _ in columns), rows)


def _score(place: int) -> Callable[[PublishedGlue], Cell]:
    return lambda each: number(each.scores[place], 1)


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
    """One row per published system, if a pass over STS-B was timed."""
    columns: list[tuple[Column, Callable[[PublishedDistilbert], Cell]]] = [
        (Column("system", "System", "left"), lambda each: label(each.system)),
        (Column("imdb", "IMDb"), lambda each: _as_printed(each.imdb)),
        (Column("exact", "SQuAD EM"), lambda each: _as_printed(each.exact)),
        (Column("f1", "SQuAD F1"), lambda each: _as_printed(each.f1)),
        (Column("parameters", "Params (M)"), lambda each: number(each.parameters, 0, scale=1e6)),
        (Column("seconds", "STS-B pass (s)"), lambda each: _as_printed(each.seconds)),
        (Column("retention", "Kept (%)"), lambda each: _as_printed(each.retention)),
        (Column("source", "Source", "left"), lambda each: _source(each.source)),
        (Column("remark", "Remark", "left"), lambda each: label(each.remark)),
    ]
    found = DISTILBERT if any(record.suite == "inference" for record in records) else ()
    rows = tuple(tuple(cell(each) for _, cell in columns) for each in found)
    notes = (
        "Not measured by finkd; scores in percent.",
        "Passes were timed on other machines: only ratios within one source can be compared.",
    )
    return Table(
        "distilbert-published", "DistilBERT, published by others", notes, tuple(column for column, _ in columns), rows
    )


def _source(key: str) -> Cell:
    return label(references()[key].short, cites=(key,)) if key else label(None)


def _as_printed(value: float | None) -> Cell:
    return label(None) if value is None else Cell(value, f"{value:g}")
