"""What others have published on the same corpus, in a table of its own."""

from __future__ import annotations

from finkd.reports.literature import references
from finkd.reports.literature.published import PUBLISHED, Published
from finkd.reports.sections import Section
from finkd.reports.table import Column, Table, label, number


def published(section: Section) -> Table:
    """One row per published score on the section's corpus."""
    columns = [
        (Column("system", "System", "left"), lambda each: label(each.system)),
        (Column("scored", "Scored on", "left"), lambda each: label(each.split)),
        (Column("micro_f1", "Micro-F1"), lambda each: number(each.micro_f1, 3)),
        (Column("source", "Source", "left"), lambda each: label(references()[each.source].short, cites=(each.source,))),
        (Column("remark", "Remark", "left"), lambda each: label(each.remark or None)),
    ]
    found = [each for each in PUBLISHED if each.corpus == section.corpus]
    return Table.of("published", "Published by others", section, _notes(section, found), columns, found)


def _notes(section: Section, found: list[Published]) -> list[str]:
    notes = ["Not measured by finkd."]
    others = sorted({each.split for each in found} - {section.split})
    if others:
        notes.append(
            f"Scored on the {' and '.join(others)} split, the measured systems on {section.split}: compare sizes of "
            "differences, not the scores."
        )
    return notes
