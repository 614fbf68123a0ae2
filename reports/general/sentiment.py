"""Sentiment: SST-2 by several methods, and long reviews."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from finkd.reports.general.task_results import (
    IDENTITY,
    SAMPLE,
    TaskResults,
    data_notes,
    metric,
    reference,
    seeds_note,
    task_results,
)
from finkd.reports.table import Cell, Column, Field, Table, label, number, plain, share
from finkd.suites.record import TaskRecord

_HEADINGS = {"accuracy": "Accuracy", "precision": "Precision", "recall": "Recall", "f1": "F1"}


def sst2(records: Sequence[TaskRecord]) -> Table:
    """Make one row per system and method."""
    found = task_results(records, "sst2")
    columns = [*IDENTITY, *(metric(name, heading) for name, heading in _HEADINGS.items())]
    notes = [
        "In percent, of the development set, of which nothing was learnt. Precision, recall and F1 are those of the "
        "positive class.",
        seeds_note(found),
    ]
    return Table.of("sst2", "SST-2", None, notes, columns, found)


def imdb(records: Sequence[TaskRecord]) -> Table:
    """Make one row per system and method, with what is kept of the teacher's accuracy."""
    found = task_results(records, "imdb")
    teacher = reference(found)
    columns: list[Field[TaskResults]] = [
        *IDENTITY,
        metric("accuracy", "Accuracy" + (SAMPLE if any(each.records[0].samples for each in found) else "")),
        (Column("retention", "Retention (%)"), lambda each: share(each.retention(teacher, ["imdb"]))),
        (Column("long", "Of long texts", "left"), lambda each: label(_reading(each))),
    ]
    notes = ["In percent. Accuracy on the test split.", *data_notes(found)]
    if teacher is not None:
        notes.append(f"Retention: as a share of the accuracy of {teacher.system}, {teacher.method}.")
    return Table.of("imdb", "IMDb", None, notes, columns, found)


def _reading(each: TaskResults) -> str:
    """Say which part of a text that is too long is read, and how much."""
    settings = each.records[0].config
    return f"{settings.get('long')}, {settings.get('limit')} tokens"


def confusion(records: Sequence[TaskRecord]) -> Table:
    """Count, for the first seed of each system and method, gold labels against predicted ones."""
    classes = enumerate(("negative", "positive"))
    columns = [*IDENTITY[:2], *(_count(*pair) for pair in product(classes, repeat=2))]
    notes = ["Examples, of the first seed."]
    title = "SST-2: what was taken for what"
    return Table.of("sst2-confusion", title, None, notes, columns, task_results(records, "sst2"))


def _count(gold: tuple[int, str], said: tuple[int, str]) -> Field[TaskResults]:
    def cell(each: TaskResults) -> Cell:
        first = each.records[0]
        pairs = zip(first.gold, first.predicted, strict=True)
        return number(sum(pair == (gold[0], said[0]) for pair in pairs), 0, (first.id,))

    return Column(f"{gold[1]}_as_{said[1]}", f"{gold[1].capitalize()} as {said[1]}"), cell


def agreement(records: Sequence[TaskRecord]) -> Table:
    """Compare the predictions of every two systems and methods, in percent, by their first seeds."""
    found = task_results(records, "sst2")
    columns = [*IDENTITY[:2], *(_same(number_, other) for number_, other in enumerate(found, start=1))]
    notes = ["In percent of the examples, by the first seeds; the columns follow the rows."]
    return Table.of("sst2-agreement", "SST-2: how often two systems say the same", None, notes, columns, found)


def _same(number_: int, other: TaskResults) -> Field[TaskResults]:
    def cell(each: TaskResults) -> Cell:
        first, second = each.records[0], other.records[0]
        same = float(np.mean(np.array(first.predicted) == np.array(second.predicted)))
        return share(same, 1, (first.id, second.id))

    return Column(plain(f"with_{other.system}_{other.method}"), f"With {number_}"), cell
