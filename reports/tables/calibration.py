"""Scores of entities beside how often they are right."""

from __future__ import annotations

from finkd.reports.captions import corpus_notes, seed_note
from finkd.reports.sections import Section, SystemResults
from finkd.reports.table import Column, Table, label, number, spread
from finkd.scores import CALIBRATION_BINS, NerScores, together


def calibration(section: Section) -> Table:
    """Make one row per system that gives its entities scores."""
    rows = [system for system in section.systems if system.mean("calibration_error") is not None]
    columns = [
        (Column("system", "System", "left"), lambda row: label(row.name)),
        (Column("role", "Role", "left"), lambda row: label(row.role)),
        (Column("calibration_error", "Calibration error"), lambda row: spread(row.spread("calibration_error"))),
        (
            Column("chance_calibration_error", "By chance"),
            lambda row: spread(row.spread("chance_calibration_error")),
        ),
        (Column("calibration_error_together", "Seeds together"), lambda row: number(_together(row), 3)),
        (Column("mean_score", "Mean score"), lambda row: spread(row.spread("mean_score"))),
        (Column("precision", "Precision"), lambda row: spread(row.spread("precision"))),
        (
            Column("precision_of_surest_half", "Precision, surest half"),
            lambda row: spread(row.spread("precision_of_surest_half")),
        ),
    ]
    notes = [
        *corpus_notes(section),
        seed_note(section),
        "Score: the probability of an entity, its borders and its type, among all legal label sequences. Calibration "
        f"error: mean distance of score and precision over {CALIBRATION_BINS} bins of as many predicted entities "
        "(expected calibration error with adaptive bins). By chance: about what it would be, were every score exactly "
        "right, because a bin holds few entities. Seeds together: the error over bins of the entities of all seeds, "
        f"which are more{', but of the same text' if section.parts is None else ''}. Surest half: the predicted "
        "entities of the highest scores.",
    ]
    return Table.of("calibration", "Calibration", section, notes, columns, rows)


def _together(system: SystemResults) -> float | None:
    """The calibration error of the entities that a system predicts with all seeds; ``None`` if they are the same."""
    by_seed = [record.scores.by_score for record in system.records]
    return NerScores({}, by_score=together(by_seed)).calibration_error if len(set(by_seed)) > 1 else None
