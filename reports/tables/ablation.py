"""The ablation: F1 behind the reference student, seed by seed, and the cost of training."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import stats

from finkd.reports.captions import corpus_notes, hard_name_notes, reference_name, seed_note
from finkd.reports.sections import Section, Spread, SystemResults
from finkd.reports.statistics import LEVEL
from finkd.reports.table import Cell, Column, Field, Table, label, mean_of, number, spread
from finkd.reports.tables.results import HARD_NAMES, named


def ablation(section: Section) -> Table:
    """Make one row per trained system; the best student is strong."""
    best, reference = section.best_student, section.reference
    columns: list[Field[SystemResults]] = [
        (Column("system", "System", "left"), lambda system: named(system, strong=system is best)),
        (Column("strategy", detail=True), lambda system: label(system.strategy)),
        (Column("micro_f1", "Micro-F1"), lambda system: spread(system.f1, 3, strong=system is best)),
        (Column("behind", "Behind (points)"), lambda system: number(Spread.mean_of(_behind(system, reference)), 1)),
        (Column("interval", "95 % interval"), lambda system: _interval(_behind(system, reference))),
        *HARD_NAMES,
        (Column("tokens", "Tokens (M)"), mean_of("tokens", 2, 1e6)),
        (Column("seconds", "Training (s)"), mean_of("seconds")),
    ]
    systems = [system for system in section.systems if system.role != "baseline"]
    return Table.of("ablation", "Ablation", section, _notes(section), columns, systems)


def _notes(section: Section) -> list[str]:
    notes = [*corpus_notes(section), seed_note(section), *hard_name_notes(section)]
    if section.reference is not None:
        notes.append(
            f"Behind: points of micro-F1 that {reference_name(section)} is ahead, as the mean of the differences "
            "between runs of one seed, with its 95 % interval (Student's t)."
        )
    return [
        *notes,
        "Tokens and time: of all stages that train a system or a teacher for it alone, whether or not it shares them "
        "with others; tokens are those of the model that learns, without padding.",
    ]


def _behind(system: SystemResults, reference: SystemResults | None) -> Sequence[float]:
    """Return the points of micro-F1 that the reference is ahead, for each seed that both have."""
    if reference is None or system is reference:
        return ()
    ahead, own = (each.frame.set_index("seed").f1 for each in (reference, system))
    return list(100 * (ahead - own).dropna())


def _interval(values: Sequence[float]) -> Cell:
    found = Spread.of(values)
    if found is None or found.sd is None:
        return label(None)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, found.n - 1)) * found.sd / math.sqrt(found.n)
    return label(f"{found.mean - reach:.1f} to {found.mean + reach:.1f}")
