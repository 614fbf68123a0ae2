"""The ablation: F1 behind the reference student, and the cost of training."""

from __future__ import annotations

from collections.abc import Sequence

from finkd.reports.bootstrap import Comparison
from finkd.reports.captions import corpus_notes, hard_name_notes, reference_name, seed_note, trainings
from finkd.reports.compared_systems import compared_systems
from finkd.reports.comparison_columns import difference, resampling
from finkd.reports.sections import Section, SystemResults
from finkd.reports.table import Column, Field, Table, label, mean_of, number, spread
from finkd.reports.tables.results import HARD_NAMES, named


def ablation(section: Section) -> Table:
    """Make one row per trained system; the best student is strong."""
    best = section.best_student
    compared = {each.system.name: each.comparison for each in compared_systems(section)}
    behind: list[Field[SystemResults]] = difference(
        "behind", "Behind (points)", lambda system: compared.get(system.name)
    )
    ranks = section.mean_ranks
    rank: list[Field[SystemResults]] = [
        (Column("mean_rank", "Mean rank"), lambda system: number(ranks.get(system.name), 1))
    ]
    columns: list[Field[SystemResults]] = [
        (Column("system", "System", "left"), lambda system: named(system, strong=system is best)),
        (Column("strategy", detail=True), lambda system: label(system.strategy)),
        (Column("micro_f1", "Micro-F1"), lambda system: spread(system.f1, 3, strong=system is best)),
        *(rank if ranks else ()),
        *behind,
        *HARD_NAMES,
        (Column("tokens", "Tokens (M)"), mean_of("tokens", 2, 1e6)),
        (Column("seconds", "Training (s)"), mean_of("seconds")),
    ]
    systems = [system for system in section.systems if system.role != "baseline"]
    return Table.of("ablation", "Ablation", section, _notes(section, list(compared.values())), columns, systems)


def _notes(section: Section, compared: Sequence[Comparison]) -> list[str]:
    notes = [*corpus_notes(section), seed_note(section), *hard_name_notes(section)]
    if section.mean_ranks:
        notes.append("Mean rank: of a student's micro-F1 among all students, 1 the best, over the seeds that all have.")
    if compared:
        notes.append(
            f"Behind: points of micro-F1 that {reference_name(section)} is ahead over the seeds that both have, with "
            f"the 95 % interval ({resampling(section, compared)}){trainings(each.seeds for each in compared)}. Table "
            "significance adjusts for the number of comparisons."
        )
    return [
        *notes,
        "Tokens and time: of all stages that train a system or a teacher for it alone, whether or not it shares them "
        "with others; tokens are those of the model that learns, without padding.",
    ]
