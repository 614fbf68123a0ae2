"""Scores of each entity type, every system side by side, with the number of gold entities behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from finkd.records import Counts, RunRecord
from finkd.reports.captions import corpus_notes, seed_note
from finkd.reports.sections import Section, Spread, SystemResults
from finkd.reports.table import Cell, Column, Table, label, number, spread


@dataclass(frozen=True)
class _Score:
    """One system on one entity type."""

    type: str
    support: int
    system: SystemResults
    first: bool
    best: bool = False

    def counts(self, record: RunRecord) -> Counts:
        return record.scores.per_type.get(self.type, Counts(0, 0, 0))

    @property
    def f1(self) -> Spread | None:
        return self.system.spread(lambda record: self.counts(record).f1)

    def mean(self, figure: str) -> Cell:
        return number(self.system.mean(lambda record: getattr(self.counts(record), figure)), 3, self.system.ids)


def types(section: Section) -> Table:
    """Make rows by type (most frequent first), then by system; the best student of each type is strong."""
    columns = [
        (Column("type", "Type", "left"), lambda score: label(score.type, shown=score.first)),
        (Column("support", "Support"), lambda score: Cell(score.support, f"{score.support:,}" if score.first else "")),
        (Column("system", "System", "left"), lambda score: label(score.system.name, score.system.ids)),
        (Column("precision", "Precision"), lambda score: score.mean("precision")),
        (Column("recall", "Recall"), lambda score: score.mean("recall")),
        (Column("f1", "F1"), lambda score: spread(score.f1, 3, score.system.ids, strong=score.best)),
        (Column("f1_sd", detail=True), lambda score: number(score.f1 and score.f1.sd, 3, score.system.ids)),
        (Column("seeds", detail=True), lambda score: number(len(score.system.ids))),
    ]
    notes = [*corpus_notes(section), "Support: gold entities of the type.", seed_note(section)]
    counts = [each for record in section.records for each in record.scores.per_type.values()]
    if any(each.gold == 0 or each.predicted == 0 for each in counts):
        notes.append("A dash: there is nothing to find (recall), nothing was found (precision), or both (F1).")
    if section.best_student:
        notes.append("Bold: the best student of the type.")
    return Table.of("types", "Scores by entity type", section, notes, columns, _scores(section))


def _scores(section: Section) -> list[_Score]:
    support: dict[str, int] = {}
    for record in section.records:
        for name, counts in record.scores.per_type.items():
            support[name] = counts.gold
    rows = []
    for name in sorted(support, key=lambda name: (-support[name], name)):
        own = [_Score(name, support[name], system, system is section.systems[0]) for system in section.systems]
        students = [score for score in own if score.system.role == "student"] if support[name] else []
        best = max(students, key=lambda score: score.f1.mean if score.f1 else 0.0, default=None)
        rows += [replace(score, best=score is best) for score in own]
    return rows
