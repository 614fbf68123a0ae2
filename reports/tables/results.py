"""The main table: scores, size and speed of each system."""

from __future__ import annotations

from collections.abc import Callable

from finkd.records import Counts, RunRecord
from finkd.reports.captions import corpus_notes, hard_name_notes, seed_note
from finkd.reports.literature import cited
from finkd.reports.sections import Section, Spread, SystemResults
from finkd.reports.table import Cell, Column, Table, label, number, share, spread
from finkd.reports.tables.significance import MARK, Rival, method, rivals

Fields = list[tuple[Column, Callable[[SystemResults], Cell]]]

BUSY = "†"


def results(section: Section) -> Table:
    """Make one row per system; the best student is strong, and systems significantly behind it have a mark."""
    compared = rivals(section)
    best = section.best_student
    columns: Fields = [
        (Column("system", "System", "left"), lambda system: named(system, strong=system is best)),
        (Column("role", "Role", "left"), lambda system: label(system.role, system.ids)),
        (Column("strategy", detail=True), lambda system: label(system.strategy or None, system.ids)),
        *_scores(section, compared),
        *_size(),
        *_speed(),
        (Column("training_seconds", detail=True), lambda system: number(system.mean(_training), 1, system.ids)),
        (Column("sample", detail=True), lambda system: Cell(section.sample, "", system.ids)),
    ]
    return Table.of("results", "Results", section, _notes(section, compared), columns, section.systems)


def named(system: SystemResults, *, strong: bool = False) -> Cell:
    """Return a system's name, citing what its ordering goes back to."""
    kind, name = ("baselines", system.name) if system.role == "baseline" else ("strategies", system.ordering)
    return label(system.name, system.ids, strong=strong, cites=tuple(work.key for work in cited(kind, name)))


def _scores(section: Section, compared: list[Rival]) -> Fields:
    best = section.best_student
    behind = [rival.system for rival in compared if rival.is_behind]

    def f1(system: SystemResults) -> Cell:
        return spread(system.f1, 3, system.ids, strong=system is best, mark=MARK if system in behind else "")

    return [
        (Column("micro_f1", "Micro-F1"), f1),
        (Column("micro_f1_sd", detail=True), lambda system: number(system.f1.sd, 3, system.ids)),
        (Column("seeds", detail=True), lambda system: number(system.f1.n, 0, system.ids)),
        (
            Column("macro_f1", "Macro-F1"),
            lambda system: number(system.mean(lambda record: record.scores.macro_f1), 3, system.ids),
        ),
        *name_scores(),
        (Column("retention", "Retention (%)"), lambda system: share(section.retention(system), 1, system.ids)),
        *(_extra_split(split) for split in section.extra_splits),
    ]


def name_scores() -> Fields:
    """Make the columns of names-only and unseen F1, where the corpus distinguishes them."""

    def f1(system: SystemResults, counts: Callable[[RunRecord], Counts | None]) -> Cell:
        found = (counts(record) for record in system.records)
        return number(Spread.mean_of(None if each is None else each.f1 for each in found), 3, system.ids)

    return [
        (Column("names_only_f1", "Names-only F1"), lambda system: f1(system, lambda each: each.scores.names_only)),
        (Column("unseen_f1", "Unseen F1"), lambda system: f1(system, lambda each: each.scores.unseen)),
    ]


def _extra_split(split: str) -> tuple[Column, Callable[[SystemResults], Cell]]:
    def f1(record: RunRecord) -> float | None:
        return record.extra_splits[split].micro.f1 if split in record.extra_splits else None

    heading = f"Micro-F1, {split}"
    return Column(f"micro_f1_{split}", heading), lambda system: spread(system.spread(f1), 3, system.ids)


def _size() -> Fields:
    return [
        (Column("parameters", "Params (M)"), lambda system: number(system.parameters, 2, system.ids, scale=1e6)),
        (Column("vocabulary_size", "Vocabulary"), lambda system: number(system.mean(_vocabulary), 0, system.ids)),
        (Column("embedding_share", "Emb. (%)"), lambda system: share(system.mean(_embedding_share), 1, system.ids)),
        (
            Column("bytes", "Size (MB)"),
            lambda system: number(system.mean(lambda record: record.resources.bytes), 1, system.ids, scale=1e6),
        ),
    ]


def _speed() -> Fields:
    def speed(system: SystemResults, figure: float | None, digits: int) -> Cell:
        return number(figure, digits, system.ids, mark=BUSY if system.machine_busy else "")

    def words(record: RunRecord) -> float | None:
        return record.resources.words_per_second

    return [
        (Column("latency_p50_ms", "p50 (ms)"), lambda system: speed(system, system.latency("p50"), 2)),
        (Column("latency_p90_ms", "p90 (ms)"), lambda system: speed(system, system.latency("p90"), 2)),
        (Column("words_per_second", "Words/s"), lambda system: speed(system, system.mean(words), 0)),
        (Column("machine_busy", detail=True), lambda system: Cell(system.machine_busy, "", system.ids)),
    ]


def _vocabulary(record: RunRecord) -> float | None:
    size = record.vocabulary.get("size")
    return size if isinstance(size, int) else None


def _embedding_share(record: RunRecord) -> float | None:
    resources = record.resources
    if not resources.parameters or resources.embedding_parameters is None:
        return None
    return resources.embedding_parameters / resources.parameters


def _training(record: RunRecord) -> float | None:
    return sum(stage.seconds for stage in record.lineage) if record.lineage else None


def _notes(section: Section, compared: list[Rival]) -> list[str]:
    notes = [*corpus_notes(section), "F1 is strict (border and type).", seed_note(section)]
    if section.teacher and section.of_role("student"):
        notes.append(f"Retention: mean micro-F1 as a share of the mean of {section.teacher.name}.")
    notes += hard_name_notes(section)
    if section.extra_splits:
        notes.append(f"Scored beside it, with nothing chosen on it: {' and '.join(section.extra_splits)}.")
    if any(system.latency("p50") is not None for system in section.systems):
        notes.append("Latency: one sentence at a time on one thread, tokenizing included; words/s: batches of 32.")
    if any(system.machine_busy for system in section.systems):
        notes.append(f"{BUSY} measured while other work ran on the machine: not comparable.")
    if section.best_student:
        notes.append("Bold: the best student.")
    if compared:
        notes.append(f"{MARK} significantly behind it. {method(compared)}")
    return notes
