"""Power: the smallest difference that so many seeds would show."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from finkd.corpora.wording import counted
from finkd.reports.bootstrap import POWER, Noise
from finkd.reports.captions import corpus_notes, reference_name
from finkd.reports.compared_systems import compared_systems
from finkd.reports.sections import Section, SystemResults
from finkd.reports.table import Cell, Column, Table, label, number

_SEEDS = (1, 2, 3, 5, 10, 20)


def power(section: Section) -> Table:
    """Make one row per number of seeds; none where fewer than two were run, or one student."""
    reference = section.reference
    compared = compared_systems(section)
    known = [each.comparison.noise for each in compared if each.system.role == "student" and each.comparison.seeds > 1]
    name = None if reference is None else reference.name
    usual, comparisons = _usual(known) if known else Noise(0, 0, 0), len(compared)
    columns = [
        (Column("reference", detail=True), lambda seeds: label(name)),
        (Column("seeds", "Seeds"), lambda seeds: number(seeds)),
        (Column("one", "One comparison (points)"), lambda seeds: _points(usual.detectable(seeds))),
        (Column("all", "All comparisons (points)"), lambda seeds: _points(usual.detectable(seeds, comparisons))),
    ]
    notes = corpus_notes(section)
    if known:
        of_documents, of_seeds = (100 * each for each in (usual.documents, usual.seeds))
        rest = f" of {of_documents:.1f} points from the documents, which more seeds leave as it is, and a deviation"
        notes.append(
            f"The smallest true difference in micro-F1 of a student to {reference_name(section)} that would be found "
            f"significant (level .05) with a chance of {POWER:.0%}, alone and as the first of "
            f"{counted(comparisons, 'comparison')} (Holm), for differences that vary as the median of them does: a "
            f"standard {'deviation' if section.parts else f'error{rest}'} of {of_seeds:.1f} points between "
            f"{'folds' if section.parts else 'seeds'}. Students that are more alike vary less."
        )
    return Table.of("power", "Power", section, notes, columns, _numbers(section, reference) if known else [])


def _usual(known: Sequence[Noise]) -> Noise:
    parts = zip(*((each.documents, each.trainings, each.both) for each in known), strict=True)
    return Noise(*(statistics.median(each) for each in parts))


def _numbers(section: Section, reference: SystemResults | None) -> Sequence[int]:
    """The numbers of seeds to tell of; in cross-validation, of the parts that were scored."""
    return (len(reference.records),) if section.parts and reference is not None else _SEEDS


def _points(difference: float) -> Cell:
    return label(f"{100 * difference:.1f}")
