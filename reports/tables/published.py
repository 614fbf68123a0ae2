"""Scores that others have published on the same corpus, in a table of its own; never mixed with measured ones."""

from __future__ import annotations

from dataclasses import dataclass

from finkd.reports.literature import references
from finkd.reports.sections import Section
from finkd.reports.table import Column, Table, label, number


@dataclass(frozen=True)
class Published:
    """A published score.

    Attributes:
        corpus: finkd's name of the corpus.
        split: that was scored.
        system: as its authors call it.
        micro_f1: strict entity F1, between 0 and 1.
        source: key of the work in ``finkd.reports.literature``.
        remark: what a reader should know of it.
    """

    corpus: str
    split: str
    system: str
    micro_f1: float
    source: str
    remark: str = ""


_SEEDS = "mean of the authors' seed files, which differ by up to .13"

PUBLISHED = (
    Published("finer-ord", "test", "BERT-base", 0.679, "shah2023finer", _SEEDS),
    Published("finer-ord", "test", "FinBERT", 0.651, "shah2023finer", _SEEDS),
    Published("finer-ord", "test", "RoBERTa-base", 0.709, "shah2023finer", _SEEDS),
    Published("finer-ord", "test", "RoBERTa-large", 0.753, "shah2023finer", _SEEDS),
)


def published(section: Section) -> Table:
    """Make one row per published score on the section's corpus."""
    columns = [
        (Column("system", "System", "left"), lambda each: label(each.system)),
        (Column("scored", "Scored on", "left"), lambda each: label(each.split)),
        (Column("micro_f1", "Micro-F1"), lambda each: number(each.micro_f1, 3)),
        (Column("source", "Source", "left"), lambda each: label(references()[each.source].short, cites=(each.source,))),
        (Column("remark", "Remark", "left"), lambda each: label(each.remark or None)),
    ]
    found = [each for each in PUBLISHED if each.corpus == section.corpus]
    notes = ["Not measured by finkd."]
    others = sorted({each.split for each in found} - {section.split})
    if others:
        notes.append(
            f"Scored on the {' and '.join(others)} split, the measured systems on {section.split}: compare sizes of "
            "differences, not the scores."
        )
    return Table.of("published", "Published by others", section, notes, columns, found)
