"""Power: the smallest difference that so many seeds would show."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from finkd.corpora.wording import counted
from finkd.reports.captions import corpus_notes, reference_name
from finkd.reports.sections import Section
from finkd.reports.statistics import POWER, Noise, noise
from finkd.reports.table import Cell, Column, Table, label, number

_SEEDS = (1, 2, 3, 5, 10, 20)


def power(section: Section) -> Table:
    """Make one row per number of seeds; none where fewer than two were run, or one system."""
    reference = section.reference
    others = [system for system in section.systems if system.role != "baseline" and system is not reference]
    found = [] if reference is None else [noise(reference.records, other.records) for other in others]
    known = [each for each in found if each is not None]
    name = None if reference is None else reference.name
    columns = [
        (Column("reference", detail=True), lambda seeds: label(name)),
        (Column("seeds", "Seeds"), lambda seeds: number(seeds)),
        (Column("one", "One comparison (points)"), lambda seeds: _detectable(known, seeds, 1)),
        (Column("all", "All comparisons (points)"), lambda seeds: _detectable(known, seeds, len(known))),
    ]
    notes = corpus_notes(section)
    if known:
        documents, seeds = (statistics.median(values) for values in zip(*map(_points, known), strict=True))
        rest = "" if section.folds else f", which more seeds leave as it is, and {seeds:.1f} as the deviation of seeds"
        notes.append(
            f"The smallest true difference in micro-F1 to {reference_name(section)} that would be found significant "
            f"(level .05) with a chance of {POWER:.0%}, alone and as the first of "
            f"{counted(len(known), 'comparison')} (Holm). From the medians over systems: a standard error of "
            f"{documents:.1f} points from the documents{rest}."
        )
    return Table.of("power", "Power", section, notes, columns, _numbers(section) if known else [])


def _numbers(section: Section) -> Sequence[int]:
    """The numbers of seeds to tell of; with folds there are no more seeds than parts."""
    return (section.folds,) if section.folds else _SEEDS


def _points(of: Noise) -> tuple[float, float]:
    return 100 * of.documents, 100 * of.seeds


def _detectable(known: Sequence[Noise], seeds: int, comparisons: int) -> Cell:
    found = statistics.median(each.detectable(seeds, comparisons) for each in known)
    return label(f"{100 * found:.1f}")
