"""Scores of each entity type, every system side by side, with the number of gold entities behind them."""

from __future__ import annotations

from dataclasses import dataclass

from finkd.records import Counts, RunRecord
from finkd.reports.captions import corpus_notes, seed_note
from finkd.reports.sections import Section, System
from finkd.reports.table import Cell, Column, Table, label, number, spread


@dataclass(frozen=True)
class _Score:
    """One system on one entity type."""

    type: str
    support: int
    system: System
    first: bool
    best: bool

    def counts(self, record: RunRecord) -> Counts:
        return record.scores.per_type.get(self.type, Counts(0, 0, 0))

    def f1(self) -> Cell:
        found = self.system.spread(lambda record: self.counts(record).f1)
        return spread(found, 3, self.system.ids, strong=self.best)

    def mean(self, figure: str) -> Cell:
        return number(self.system.mean(lambda record: getattr(self.counts(record), figure)), 3, self.system.ids)

    def sd(self) -> Cell:
        found = self.system.spread(lambda record: self.counts(record).f1)
        return number(None if found is None else found.sd, 3, self.system.ids)


def types(section: Section) -> Table:
    """Rows by type (most frequent first), then by system; the best student of each type is strong."""
    columns = [
        (Column("type", "Type", "left"), lambda score: label(score.type, shown=score.first)),
        (Column("support", "Support"), lambda score: Cell(score.support, f"{score.support:,}" if score.first else "")),
        (Column("system", "System", "left"), lambda score: label(score.system.name, score.system.ids)),
        (Column("precision", "Precision"), lambda score: score.mean("precision")),
        (Column("recall", "Recall"), lambda score: score.mean("recall")),
        (Column("f1", "F1"), _Score.f1),
        (Column("f1_sd", detail=True), _Score.sd),
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
        best = _best_student(section, name) if support[name] else None
        for system in section.systems:
            rows.append(_Score(name, support[name], system, system is section.systems[0], system is best))
    return rows


def _best_student(section: Section, name: str) -> System | None:
    def f1(system: System) -> float:
        return system.mean(lambda record: record.scores.per_type.get(name, Counts(0, 0, 0)).f1) or 0.0

    return max(section.of_role("student"), key=f1, default=None)
