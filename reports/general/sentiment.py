"""Sentiment: SST-2 by several methods, and long reviews."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

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
from finkd.reports.general.glue import retention
from finkd.reports.sections import Spread
from finkd.reports.table import Cell, Column, Table, label, number, plain, share, spread
from finkd.suites.record import TaskRecord

Columns = list[tuple[Column, Callable[[Contender], Cell]]]


def sst2(records: Sequence[TaskRecord]) -> Table:
    """One row per system and method."""
    found = contenders(records, "sst2")
    columns = [*identity(), *(_metric("sst-2", name) for name in ("accuracy", "precision", "recall", "f1"))]
    notes = [
        "Development set, of which nothing was learnt. Precision, recall and F1 are those of the positive class.",
        seeds_note(found),
    ]
    return table("sst2", "SST-2", notes, columns, found)


def imdb(records: Sequence[TaskRecord]) -> Table:
    """One row per system and method, with what is kept of the teacher's accuracy."""
    found = contenders(records, "imdb")
    teacher = reference(found)
    columns: Columns = [
        *identity(),
        _metric("imdb", "accuracy", SAMPLE if any(each.records[0].samples for each in found) else ""),
        (Column("retention", "Retention (%)"), lambda each: share(retention(each, teacher, ["imdb"]), 1, each.ids)),
        (Column("long", "Of long texts", "left"), lambda each: label(_reading(each), each.ids)),
    ]
    notes = ["Accuracy on the test split.", seeds_note(found), *sample_note(found), *length_note(found)]
    if teacher is not None:
        notes.append(f"Retention: as a share of the accuracy of {teacher.system}, {teacher.method}.")
    return table("imdb", "IMDb", notes, columns, found)


def _reading(each: Contender) -> str:
    """What is read of a text that is too long, and how much."""
    settings = each.records[0].config
    return f"{settings.get('long')}, {settings.get('limit')} tokens"


def _metric(task: str, name: str, mark: str = "") -> tuple[Column, Callable[[Contender], Cell]]:
    def cell(each: Contender) -> Cell:
        return spread(each.spread(task, None, lambda record: record.metrics[name]), 3, each.ids)

    return Column(name, ("F1" if name == "f1" else name.capitalize()) + mark), cell


def confusion(records: Sequence[TaskRecord]) -> Table:
    """Counts of the first seed of each contender: gold against what it says."""
    found = contenders(records, "sst2")
    columns: Columns = identity()[:2]
    for gold, right in enumerate(("negative", "positive")):
        for said, taken in enumerate(("negative", "positive")):
            columns.append((Column(f"{right}_as_{taken}", f"{right.capitalize()} as {taken}"), _count(gold, said)))
    return table("sst2-confusion", "SST-2: what was taken for what", ["Examples, of the first seed."], columns, found)


def _count(gold: int, said: int) -> Callable[[Contender], Cell]:
    def cell(each: Contender) -> Cell:
        first = each.records[0]
        count = sum(pair == (gold, said) for pair in zip(first.gold, first.predicted, strict=True))
        return number(count, 0, (first.id,))

    return cell


def agreement(records: Sequence[TaskRecord]) -> Table:
    """How often two contenders say the same, in percent, by their first seeds."""
    found = contenders(records, "sst2")
    columns: Columns = identity()[:2]
    for number_, other in enumerate(found, start=1):
        columns.append((Column(plain(f"with_{other.system}_{other.method}"), f"With {number_}"), _same(other)))
    notes = ["In percent of the examples, by the first seeds; the columns follow the rows."]
    return table("sst2-agreement", "SST-2: how often two systems say the same", notes, columns, found)


def _same(other: Contender) -> Callable[[Contender], Cell]:
    def cell(each: Contender) -> Cell:
        first, second = each.records[0], other.records[0]
        same = Spread.of([float(np.mean(np.array(first.predicted) == np.array(second.predicted)))])
        return share(None if same is None else same.mean, 1, (first.id, second.id))

    return cell
