"""Sentiment: SST-2 by several methods, and long reviews."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from finkd.reports.general.contenders import (
    SAMPLE,
    Columns,
    Contender,
    contenders,
    data_notes,
    identity,
    reference,
    seeds_note,
)
from finkd.reports.sections import Spread
from finkd.reports.table import Cell, Column, Table, label, number, plain, share, spread
from finkd.suites.record import TaskRecord


def sst2(records: Sequence[TaskRecord]) -> Table:
    """Make one row per system and method."""
    found = contenders(records, "sst2")
    columns = [*identity(), *(_metric("sst-2", name) for name in ("accuracy", "precision", "recall", "f1"))]
    notes = [
        "Development set, of which nothing was learnt. Precision, recall and F1 are those of the positive class.",
        seeds_note(found),
    ]
    return Table.of("sst2", "SST-2", None, notes, columns, found)


def imdb(records: Sequence[TaskRecord]) -> Table:
    """Make one row per system and method, with what is kept of the teacher's accuracy."""
    found = contenders(records, "imdb")
    teacher = reference(found)
    columns: Columns = [
        *identity(),
        _metric("imdb", "accuracy", SAMPLE if any(each.records[0].samples for each in found) else ""),
        (Column("retention", "Retention (%)"), lambda each: share(each.retention(teacher, ["imdb"]), 1, each.ids)),
        (Column("long", "Of long texts", "left"), lambda each: label(_reading(each), each.ids)),
    ]
    notes = ["Accuracy on the test split.", *data_notes(found)]
    if teacher is not None:
        notes.append(f"Retention: as a share of the accuracy of {teacher.system}, {teacher.method}.")
    return Table.of("imdb", "IMDb", None, notes, columns, found)


def _reading(each: Contender) -> str:
    """Say which part of a text that is too long is read, and how much."""
    settings = each.records[0].config
    return f"{settings.get('long')}, {settings.get('limit')} tokens"


def _metric(task: str, name: str, mark: str = "") -> tuple[Column, Callable[[Contender], Cell]]:
    def cell(each: Contender) -> Cell:
        return spread(Spread.of(record.metrics[name] for record in each.of(task)), 3, each.ids)

    return Column(name, ("F1" if name == "f1" else name.capitalize()) + mark), cell


def confusion(records: Sequence[TaskRecord]) -> Table:
    """Count, for the first seed of each contender, gold labels against predicted ones."""
    found = contenders(records, "sst2")
    columns: Columns = identity()[:2]
    for gold, right in enumerate(("negative", "positive")):
        for said, taken in enumerate(("negative", "positive")):
            columns.append((Column(f"{right}_as_{taken}", f"{right.capitalize()} as {taken}"), _count(gold, said)))
    notes = ["Examples, of the first seed."]
    return Table.of("sst2-confusion", "SST-2: what was taken for what", None, notes, columns, found)


def _count(gold: int, said: int) -> Callable[[Contender], Cell]:
    def cell(each: Contender) -> Cell:
        first = each.records[0]
        count = sum(pair == (gold, said) for pair in zip(first.gold, first.predicted, strict=True))
        return number(count, 0, (first.id,))

    return cell


def agreement(records: Sequence[TaskRecord]) -> Table:
    """Compare the predictions of every two contenders, in percent, by their first seeds."""
    found = contenders(records, "sst2")
    columns: Columns = identity()[:2]
    for number_, other in enumerate(found, start=1):
        columns.append((Column(plain(f"with_{other.system}_{other.method}"), f"With {number_}"), _same(other)))
    notes = ["In percent of the examples, by the first seeds; the columns follow the rows."]
    return Table.of("sst2-agreement", "SST-2: how often two systems say the same", None, notes, columns, found)


def _same(other: Contender) -> Callable[[Contender], Cell]:
    def cell(each: Contender) -> Cell:
        first, second = each.records[0], other.records[0]
        same = Spread.mean_of([float(np.mean(np.array(first.predicted) == np.array(second.predicted)))])
        return share(same, 1, (first.id, second.id))

    return cell
