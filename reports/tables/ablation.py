"""The ablation: F1 behind the best student, seed by seed, and the cost of training."""

from __future__ import annotations

import math

from scipy import stats

from finkd.records import RunRecord
from finkd.reports.captions import corpus_notes, hard_name_notes, seed_note
from finkd.reports.sections import Section, Spread, SystemResults
from finkd.reports.table import Cell, Column, Table, label, number, spread
from finkd.reports.tables.results import name_scores, named

_LEVEL = 0.95


def ablation(section: Section) -> Table:
    """Make one row per trained system; the best student is strong."""
    best = section.best_student
    columns = [
        (Column("system", "System", "left"), lambda system: named(system, strong=system is best)),
        (Column("strategy", detail=True), lambda system: label(system.strategy, system.ids)),
        (Column("micro_f1", "Micro-F1"), lambda system: spread(system.f1, 3, system.ids, strong=system is best)),
        (
            Column("behind", "Behind (points)"),
            lambda system: number(Spread.mean_of(_behind(system, best)), 1, system.ids),
        ),
        (Column("interval", "95 % interval", "right"), lambda system: _interval(_behind(system, best), system)),
        *name_scores(),
        (Column("tokens", "Tokens (M)"), lambda system: number(_total(system, "tokens"), 2, system.ids, scale=1e6)),
        (Column("seconds", "Training (s)"), lambda system: number(_total(system, "seconds"), 0, system.ids)),
    ]
    systems = [system for system in section.systems if system.role != "baseline"]
    return Table.of("ablation", "Ablation", section, _notes(section, best), columns, systems)


def _notes(section: Section, best: SystemResults | None) -> list[str]:
    notes = [*corpus_notes(section), seed_note(section), *hard_name_notes(section)]
    if best is not None:
        notes.append(
            f"Behind: points of micro-F1 that {best.name}, the best student, is ahead, as the mean of the differences "
            "between runs of one seed, with its 95 % interval (Student's t)."
        )
    return [
        *notes,
        "Tokens and time: of all stages that train a system or a teacher for it alone, whether or not it shares them "
        "with others; tokens are those of the model that learns, without padding.",
    ]


def _behind(system: SystemResults, best: SystemResults | None) -> list[float]:
    """Return the points of micro-F1 that the best system is ahead, for each seed that both have."""
    if best is None or system is best:
        return []
    ahead = {record.seed: record.scores.micro.f1 for record in best.records}
    pairs = [(ahead.get(record.seed), record.scores.micro.f1) for record in system.records]
    return [100 * (first - own) for first, own in pairs if first is not None and own is not None]


def _interval(values: list[float], system: SystemResults) -> Cell:
    found = Spread.of(values)
    if found is None or found.sd is None:
        return label(None, system.ids)
    reach = float(stats.t.ppf((1 + _LEVEL) / 2, found.n - 1)) * found.sd / math.sqrt(found.n)
    return label(f"{found.mean - reach:.1f} to {found.mean + reach:.1f}", system.ids)


def _total(system: SystemResults, figure: str) -> float | None:
    """Return the mean over seeds of a figure's sum over all stages."""

    def total(record: RunRecord) -> float:
        return float(sum(getattr(stage, figure) for stage in (*record.lineage, *record.teachers)))

    return system.mean(total)
