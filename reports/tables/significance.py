"""Significance of the differences between every trained system and the reference student."""

from __future__ import annotations

from collections.abc import Sequence

from finkd.corpora.wording import counted
from finkd.reports.captions import corpus_notes, reference_name, seed_note, trainings
from finkd.reports.compared_systems import ComparedSystem, compared_systems
from finkd.reports.comparison_columns import MARK, resampling, tested
from finkd.reports.sections import Section
from finkd.reports.table import Column, Field, Table, label, number, spread


def method(section: Section, compared: Sequence[ComparedSystem]) -> str:
    """Return how it was found out, for a caption."""
    found = resampling(section, [each.comparison for each in compared])
    chosen = "; that the best student was chosen on the same text is not corrected for"
    return (
        f"{found[0].upper()}{found[1:]}; p adjusted for {counted(len(compared), 'comparison')} (Holm), level .05"
        f"{'' if section.has_named_reference else chosen}."
    )


def significance(section: Section) -> Table:
    """Make one row per teacher and student but the reference."""
    compared = compared_systems(section)
    behind: list[Field[ComparedSystem]] = tested(
        "behind", "Behind (points)", lambda each: each.comparison, lambda each: each.p
    )
    columns: list[Field[ComparedSystem]] = [
        (Column("system", "System", "left"), lambda each: label(each.system.name)),
        (Column("micro_f1", "Micro-F1"), lambda each: spread(each.system.f1)),
        *behind,
        (Column("documents", detail=True), lambda each: number(each.comparison.documents)),
        (Column("seeds", detail=True), lambda each: number(each.comparison.seeds)),
    ]
    notes = [*corpus_notes(section), seed_note(section)]
    if compared:
        notes += [
            f"Behind: points of micro-F1 that {reference_name(section)} is ahead over the seeds that both have.",
            method(section, compared),
            f"{MARK} significant{trainings(each.comparison.seeds for each in compared)}.",
        ]
        if any(each.comparison.effect is not None for each in compared):
            notes.append("d: Cohen's, the mean difference between runs of one seed over its deviation.")
    return Table.of("significance", "Significance", section, notes, columns, compared)
