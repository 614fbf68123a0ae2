"""The examples of a task on which systems disagree, to be read by people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from finkd.corpora.files import write_atomic
from finkd.corpora.tasks.task import Example
from finkd.corpora.wording import counted
from finkd.reports.formats import csv, markdown
from finkd.reports.table import Column, Table, label, plain
from finkd.suites.record import TaskRecord

SHOWN = 30


def write_disagreements(out: Path, examples: Sequence[Example], records: Sequence[TaskRecord]) -> None:
    """Write the examples on which systems disagree, those first that most of them get wrong, as Markdown and CSV.

    Args:
        out: folder for ``disagreements.md`` and ``disagreements.csv``.
        examples: of one split.
        records: of this split; of several seeds of a system the first one counts.
    """
    systems: dict[str, TaskRecord] = {}
    for record in records:
        name = record.system if record.role == "baseline" else f"{record.system}, {record.method}"
        systems.setdefault(name, record)
    said = list(zip(*(record.predicted for record in systems.values()), strict=True))
    wrong = [sum(answer != example.label for answer in row) for row, example in zip(said, examples, strict=True)]
    mixed = [place for place, count in enumerate(wrong) if 0 < count < len(systems)]
    order = sorted(mixed, key=lambda place: -wrong[place])
    labels = records[0].labels
    columns = (
        Column("text", "Text", "left"),
        Column("gold", "Gold", "left"),
        *(Column(plain(name), plain(name), "left") for name in systems),
    )
    rows = tuple(
        (
            label(examples[place].first),
            label(labels[int(examples[place].label)]),
            *(
                label(labels[int(answer)], (record.id,))
                for answer, record in zip(said[place], systems.values(), strict=True)
            ),
        )
        for place in order
    )
    notes = (
        f"Systems disagree on {len(mixed):,} of {counted(len(examples), 'example')}; the first {SHOWN} are those that "
        "most of "
        "them get wrong.",
    )
    table = Table("disagreements", "Where systems disagree", notes, columns, rows)
    write_atomic(out / "disagreements.csv", csv.document([table]))
    shown = Table(table.name, table.title, notes, columns, rows[:SHOWN])
    write_atomic(out / "disagreements.md", markdown.document([shown]))
