"""Scores of each entity type, every system side by side, with the number of gold entities behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from finkd.reports.captions import corpus_notes, gold_entities, seed_note
from finkd.reports.sections import Section, SystemResults
from finkd.reports.spread import Spread
from finkd.reports.table import Cell, Column, Table, label, number, spread
from finkd.scores import Counts


@dataclass(frozen=True)
class _Score:
    """One system on one entity type."""

    type: str
    support: int
    system: SystemResults
    first: bool
    best: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        return self.system.ids

    def spread(self, figure: str) -> Spread | None:
        counts = (record.scores.per_type.get(self.type, Counts(0, 0, 0)) for record in self.system.records)
        return Spread.of(getattr(each, figure) for each in counts)

    def mean(self, figure: str) -> float | None:
        found = self.spread(figure)
        return found.mean if found else None


def types(section: Section) -> Table:
    """Make rows by type (most frequent first), then by system; the best student of each type is strong."""
    columns = [
        (Column("type", "Type", "left"), lambda score: label(score.type, shown=score.first)),
        (Column("support", "Support"), lambda score: Cell(score.support, f"{score.support:,}" if score.first else "")),
        (Column("system", "System", "left"), lambda score: label(score.system.name)),
        (Column("precision", "Precision"), lambda score: number(score.mean("precision"), 3)),
        (Column("recall", "Recall"), lambda score: number(score.mean("recall"), 3)),
        (Column("f1", "F1"), lambda score: spread(score.spread("f1"), strong=score.best)),
        (Column("f1_sd", detail=True), lambda score: number((found := score.spread("f1")) and found.sd, 3)),
        (Column("seeds", detail=True), lambda score: number(len(score.ids))),
    ]
    notes = [*corpus_notes(section), "Support: gold entities of the type.", seed_note(section)]
    counts = [each for record in section.records for each in record.scores.per_type.values()]
    if any(each.gold == 0 or each.predicted == 0 for each in counts):
        notes.append(
            "A dash: there is nothing to find (recall), nothing was found (precision), or both (F1). "
            "Means are those of the seeds that have a value."
        )
    if section.best_student:
        notes.append("Bold: the best student of the type.")
    return Table.of("types", "Scores by entity type", section, notes, columns, _scores(section))


def _scores(section: Section) -> Iterator[_Score]:
    def gold(name: str) -> int:
        return gold_entities(section, lambda scores: scores.per_type.get(name)) or 0

    support = {name: gold(name) for record in section.records for name in record.scores.per_type}
    for name in sorted(support, key=lambda name: (-support[name], name)):
        own = [_Score(name, support[name], system, system is section.systems[0]) for system in section.systems]
        students = [score for score in own if score.system.role == "student"] if support[name] else []
        best = max(students, key=lambda score: score.mean("f1") or 0.0, default=None)
        yield from (replace(score, best=score is best) for score in own)
