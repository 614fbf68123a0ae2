"""The same student under several teachers: what each teacher gains."""

from __future__ import annotations

from dataclasses import dataclass

from finkd.reports.bootstrap import Comparison, compare
from finkd.reports.captions import corpus_notes, seed_note, trainings
from finkd.reports.comparison_columns import difference, resampling
from finkd.reports.sections import Section, SystemResults, base_model, configured_strategy
from finkd.reports.table import Column, Field, Table, label, share, spread


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
    gains: list[Field[Taught]] = difference("gain", "Gain (points)", lambda row: row.gain)
    gain, low, high, interval = gains
    columns: list[Field[Taught]] = [
        (Column("student", "Student", "left"), lambda row: label(row.student.name)),
        (Column("teacher", "Teacher", "left"), lambda row: label(row.teacher.name)),
        (Column("teacher_f1", "Teacher's F1"), lambda row: spread(row.teacher.f1)),
        (Column("micro_f1", "Micro-F1"), lambda row: spread(row.student.f1)),
        gain,
        interval,
        low,
        high,
        (Column("retention", "Retention (%)"), lambda row: share(section.retention(row.student))),
    ]
    gained = [row.gain for row in rows if row.gain]
    how = f" ({resampling(section, gained)}){trainings(each.seeds for each in gained)}" if gained else ""
    notes = [
        *corpus_notes(section),
        seed_note(section),
        "Students of one start and one strategy, under several teachers. Gain: points of micro-F1 over the first of "
        f"them, over the seeds that both have, with its 95 % interval{how}. Retention: of the student's own teacher.",
    ]
    return Table.of("teachers", "Teachers", section, notes, columns, rows)


def _groups(section: Section) -> list[list[Taught]]:
    """Students by start and strategy, those under several teachers."""
    found: dict[tuple[str, str], list[tuple[SystemResults, SystemResults]]] = {}
    for student in section.of_role("student"):
        teacher, record = section.teacher_of(student), student.records[0]
        if teacher is not None and configured_strategy(record):
            found.setdefault((base_model(record), configured_strategy(record)), []).append((student, teacher))
    groups = [group for group in found.values() if len({teacher.name for _, teacher in group}) > 1]
    return [_compared(group) for group in groups]


def _compared(group: list[tuple[SystemResults, SystemResults]]) -> list[Taught]:
    first, teacher = group[0]
    others = [Taught(student, by, compare(student.records, first.records)) for student, by in group[1:]]
    return [Taught(first, teacher, None), *others]
