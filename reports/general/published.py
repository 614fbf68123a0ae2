"""What others have published of GLUE, apart from what is measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finkd.suites.record import TaskRecord
from reports.general.glue import TASKS
from reports.literature import references
from reports.table import Cell, Column, Table, label, number


@dataclass(frozen=True)
class PublishedGlue:
    """Published scores, in percent.

    Attributes:
        system: as its authors call it.
        scores: of the tasks in the order of ``TASKS``.
        average: as they print it.
        source: key of the work in ``reports.literature``.
        remark: what a reader should know of it.
    """

    system: str
    scores: tuple[float, ...]
    average: float
    source: str
    remark: str = "development sets, median of five runs"


PUBLISHED = (
    PublishedGlue("ELMo", (44.1, 68.6, 76.6, 71.1, 86.2, 53.4, 91.5, 70.4, 56.3), 68.7, "sanh2019distilbert"),
    PublishedGlue("BERT-base", (56.3, 86.7, 88.6, 91.8, 89.6, 69.3, 92.7, 89.0, 53.5), 79.5, "sanh2019distilbert"),
    PublishedGlue("DistilBERT", (51.3, 82.2, 87.5, 89.2, 88.5, 59.9, 91.3, 86.9, 56.3), 77.0, "sanh2019distilbert"),
)


def glue_published(records: Sequence[TaskRecord]) -> Table:
    """One row per published system, if anything of GLUE was measured."""
    columns: list[tuple[Column, Callable[[PublishedGlue], Cell]]] = [
        (Column("system", "System", "left"), lambda each: label(each.system)),
        *((Column(task, heading), _score(place)) for place, (task, heading) in enumerate(TASKS.items())),
        (Column("average", "Average"), lambda each: number(each.average, 1)),
        (Column("source", "Source", "left"), lambda each: label(references()[each.source].short, cites=(each.source,))),
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
