"""Size, and time of a pass over the development set of STS-B at batch 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from finkd.reports.general.contenders import Contender, contenders, identity, table
from finkd.reports.sections import Spread
from finkd.reports.table import Cell, Column, Table, number
from finkd.suites.record import TaskRecord


def inference(records: Sequence[TaskRecord]) -> Table:
    """One row per system and processor."""
    found = contenders(records, "inference")
    base = {each.method: seconds for each in reversed(found) if each.role == "teacher" and (seconds := _seconds(each))}
    columns: list[tuple[Column, Callable[[Contender], Cell]]] = [
        *identity(),
        (Column("mb", "Size (MB)"), lambda each: number(each.records[0].resources.bytes, 1, each.ids, scale=1e6)),
        (Column("seconds", "Seconds"), lambda each: number(_seconds(each), 2, each.ids)),
        (Column("speed", "Speed"), lambda each: number(_ratio(base.get(each.method), _seconds(each)), 2, each.ids)),
    ]
    notes = [
        "One pass over the pairs of STS-B's development set in fp32, one pair at a time, tokenizing included; "
        "the median of several.",
        "Speed: how many times that of the teacher on the same processor.",
    ]
    return table("inference", "Time of a pass over STS-B", notes, columns, found)


def _seconds(each: Contender) -> float | None:
    found = Spread.of(record.score for record in each.records)
    return None if found is None else found.mean


def _ratio(theirs: float | None, ours: float | None) -> float | None:
    return theirs / ours if theirs and ours else None
