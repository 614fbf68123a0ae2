"""The same student under several teachers: what each teacher gains."""

from __future__ import annotations

from dataclasses import dataclass

from finkd.reports.captions import corpus_notes, seed_note
from finkd.reports.sections import Section, SystemResults, base_model, ordering
from finkd.reports.statistics import DRAWS, Comparison, compare, trainings
from finkd.reports.table import Column, Table, label, number, share, spread
from finkd.reports.tables.significance import interval


@dataclass(frozen=True)
class Taught:
    """A student and what it gains over the same student under another teacher.

    Attributes:
        student: the student.
        teacher: its teacher.
        gain: over the first student of the group; ``None`` for that one, and where records can't be compared.
    """

    student: SystemResults
    teacher: SystemResults
    gain: Comparison | None

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the student's records."""
        return self.student.ids


def teachers(section: Section) -> Table:
    """Make one row per student that has a twin: the same start and strategy, but another teacher."""
    rows = [row for group in _groups(section) for row in group]
    columns = [
        (Column("student", "Student", "left"), lambda row: label(row.student.name)),
        (Column("teacher", "Teacher", "left"), lambda row: label(row.teacher.name)),
        (Column("teacher_f1", "Teacher's F1"), lambda row: spread(row.teacher.f1)),
        (Column("micro_f1", "Micro-F1"), lambda row: spread(row.student.f1)),
        (Column("gain", "Gain (points)"), lambda row: number(row.gain and 100 * row.gain.difference, 1)),
        (Column("interval", "95 % interval"), lambda row: label(row.gain and interval(row.gain))),
        (Column("low", detail=True), lambda row: number(row.gain and 100 * row.gain.low, 1)),
        (Column("high", detail=True), lambda row: number(row.gain and 100 * row.gain.high, 1)),
        (Column("retention", "Retention (%)"), lambda row: share(section.retention(row.student))),
    ]
    seeds = [row.gain.seeds for row in rows if row.gain]
    drawn = "documents" if max(seeds, default=1) == 1 else "documents and seeds"
    notes = [
        *corpus_notes(section),
        seed_note(section),
        "Students of one start and one strategy, under several teachers. Gain: points of micro-F1 over the first of "
        f"them, all seeds together, with its 95 % interval (paired bootstrap over {drawn}, {DRAWS:,} "
        f"draws){trainings(seeds)}. Retention: of the student's own teacher.",
    ]
    return Table.of("teachers", "Teachers", section, notes, columns, rows)


def _groups(section: Section) -> list[list[Taught]]:
    """Students by start and strategy, those under several teachers."""
    found: dict[tuple[str, str], list[tuple[SystemResults, SystemResults]]] = {}
    for student in section.of_role("student"):
        teacher, record = section.teacher_of(student), student.records[0]
        if teacher is not None and ordering(record):
            found.setdefault((base_model(record), ordering(record)), []).append((student, teacher))
    groups = [group for group in found.values() if len({teacher.name for _, teacher in group}) > 1]
    return [_compared(group) for group in groups]


def _compared(group: list[tuple[SystemResults, SystemResults]]) -> list[Taught]:
    first, teacher = group[0]
    others = [Taught(student, by, compare(student.records, first.records)) for student, by in group[1:]]
    return [Taught(first, teacher, None), *others]
