"""Significance of the differences between every trained system and the reference student."""

from __future__ import annotations

from collections.abc import Sequence

from finkd.corpora.wording import counted
from finkd.reports.captions import corpus_notes, reference_name, seed_note, trainings
from finkd.reports.comparisons import MARK, resampling, tested
from finkd.reports.rivals import Rival, rivals
from finkd.reports.sections import Section
from finkd.reports.table import Column, Field, Table, label, number, spread


def method(section: Section, compared: Sequence[Rival]) -> str:
    """Return how it was found out, for a caption."""
    found = resampling(section, [rival.comparison for rival in compared])
    chosen = "; that the best student was chosen on the same text is not corrected for"
    return (
        f"{found[0].upper()}{found[1:]}; p adjusted for {counted(len(compared), 'comparison')} (Holm), level .05"
        f"{'' if section.has_named_reference else chosen}."
    )


def significance(section: Section) -> Table:
    """Make one row per teacher and student but the reference."""
    compared = rivals(section)
    behind: list[Field[Rival]] = tested(
        "behind", "Behind (points)", lambda rival: rival.comparison, lambda rival: rival.p
    )
    columns: list[Field[Rival]] = [
        (Column("system", "System", "left"), lambda rival: label(rival.system.name)),
        (Column("micro_f1", "Micro-F1"), lambda rival: spread(rival.system.f1)),
        *behind,
        (Column("documents", detail=True), lambda rival: number(rival.comparison.documents)),
        (Column("seeds", detail=True), lambda rival: number(rival.comparison.seeds)),
    ]
    notes = [*corpus_notes(section), seed_note(section)]
    if compared:
        notes += [
            f"Behind: points of micro-F1 that {reference_name(section)} is ahead over the seeds that both have.",
            method(section, compared),
            f"{MARK} significant{trainings(rival.comparison.seeds for rival in compared)}.",
        ]
        if any(rival.comparison.effect is not None for rival in compared):
            notes.append("d: Cohen's, the mean difference between runs of one seed over its deviation.")
    return Table.of("significance", "Significance", section, notes, columns, compared)
