"""The main table: scores, size and speed of each system."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from finkd.reports.captions import corpus_notes, hard_name_notes, reference_name, seed_note, trainings
from finkd.reports.compared_systems import ComparedSystem, compared_systems
from finkd.reports.comparison_columns import MARK
from finkd.reports.literature import cited
from finkd.reports.sections import Section, SystemResults, configured_strategy
from finkd.reports.spread import Spread
from finkd.reports.table import Cell, Column, Field, Table, label, mean_of, number, share, spread
from finkd.reports.tables.significance import method

BUSY = "†"
HARD_NAMES: list[Field[SystemResults]] = [
    (Column("names_only_f1", "Names-only F1"), mean_of("f1_names", 3)),
    (Column("unseen_f1", "Unseen F1"), mean_of("f1_unseen", 3)),
]
"""Shown where the corpus distinguishes them."""


def results(section: Section) -> Table:
    """Make one row per system; the best student is strong; those significantly behind the reference have a mark."""
    compared, best = compared_systems(section), section.best_student
    behind = [each.system for each in compared if each.is_behind]

    def f1(system: SystemResults) -> Cell:
        return spread(system.f1, 3, strong=system is best, mark=MARK if system in behind else "")

    columns: list[Field[SystemResults]] = [
        (Column("system", "System", "left"), lambda system: named(system, strong=system is best)),
        (Column("role", "Role", "left"), lambda system: label(system.role)),
        (Column("strategy", detail=True), lambda system: label(system.strategy or None)),
        (Column("micro_f1", "Micro-F1"), f1),
        (Column("micro_f1_sd", detail=True), lambda system: number(system.f1.sd, 3)),
        (Column("seeds", detail=True), lambda system: number(system.f1.n)),
        (Column("macro_f1", "Macro-F1"), mean_of("macro_f1", 3)),
        *HARD_NAMES,
        (Column("retention", "Retention (%)"), lambda system: share(section.retention(system))),
        *(_extra_split(split) for split in section.extra_splits),
        (Column("parameters", "Params (M)"), mean_of("parameters", 2, 1e6)),
        (Column("vocabulary_size", "Vocabulary"), mean_of("vocabulary_size")),
        (Column("embedding_share", "Emb. (%)"), mean_of("embedding_share", 1, 0.01)),
        (Column("bytes", "Size (MB)"), mean_of("bytes", 1, 1e6)),
        (Column("latency_p50_ms", "p50 (ms)"), _speed("latency_ms_p50", 2)),
        (Column("latency_p90_ms", "p90 (ms)"), _speed("latency_ms_p90", 2)),
        (Column("words_per_second", "Words/s"), _speed("words_per_second", 0)),
        (Column("machine_busy", detail=True), lambda system: Cell(system.machine_busy, "")),
        (Column("training_seconds", detail=True), mean_of("training_seconds", 1)),
        (Column("sample", detail=True), lambda system: Cell(section.sample, "")),
    ]
    return Table.of("results", "Results", section, _notes(section, compared), columns, section.systems)


def named(system: SystemResults, *, strong: bool = False) -> Cell:
    """Return a system's name, citing what its strategy goes back to."""
    baseline = system.role == "baseline"
    works = cited("baselines", system.name) if baseline else cited("strategies", configured_strategy(system.records[0]))
    return label(system.name, strong=strong, cites=tuple(work.key for work in works))


def _extra_split(split: str) -> Field[SystemResults]:
    def f1(system: SystemResults) -> Cell:
        scored = (record.extra_splits.get(split) for record in system.records)
        return spread(Spread.of(scores.micro.f1 for scores in scored if scores))

    return Column(f"micro_f1_{split}", f"Micro-F1, {split}"), f1


def _speed(column: str, digits: int) -> Callable[[SystemResults], Cell]:
    return lambda system: number(system.mean(column), digits, mark=BUSY if system.machine_busy else "")


def _notes(section: Section, compared: Sequence[ComparedSystem]) -> list[str]:
    notes = [*corpus_notes(section), "F1 is strict (border and type).", seed_note(section)]
    if section.teacher and section.of_role("student"):
        teachers = {each.name for student in section.of_role("student") if (each := section.teacher_of(student))}
        whose = teachers.pop() if len(teachers) == 1 else "the student's own teacher"
        notes.append(f"Retention: mean micro-F1 as a share of the mean of {whose}.")
    notes += hard_name_notes(section)
    if section.extra_splits:
        notes.append(f"Scored beside it, with nothing chosen on it: {' and '.join(section.extra_splits)}.")
    if any(system.mean("latency_ms_p50") is not None for system in section.systems):
        notes.append("Latency: one sentence at a time on one thread, tokenizing included; words/s: batches of 32.")
    if any(system.machine_busy for system in section.systems):
        notes.append(f"{BUSY} measured while other work ran on the machine: not comparable.")
    if section.best_student:
        notes.append("Bold: the best student.")
    if compared:
        whom = reference_name(section) if section.has_named_reference else "it"
        of_models = trainings(each.comparison.seeds for each in compared)
        notes.append(f"{MARK} significantly behind {whom}{of_models}. {method(section, compared)}")
    return notes
