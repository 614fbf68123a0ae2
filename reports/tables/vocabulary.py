"""The vocabularies of the systems and whatever figures of the tokenizer-shift analysis their records hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from finkd.reports.sections import Section, SystemResults
from finkd.reports.table import Cell, Column, Table, label, number, share

HEADINGS = {
    "size": "Tokens",
    "fertility": "Tokens per word",
    "continued_words": "Words split (%)",
    "entity_fertility": "Tokens per entity word",
    "whole_entity_words": "Entity words in one token (%)",
    "unknown_rate": "Unknown (%)",
    "mean_length": "Mean length",
    "length_95": "95th percentile",
    "length_ratio": "Length against teacher",
    "overlap": "Shared with teacher (%)",
    "weighted_overlap": "Shared, by occurrence (%)",
    "embedding_parameters": "Embedding parameters",
    "embedding_share": "Embedding share (%)",
}
SHARES = frozenset(
    {"continued_words", "whole_entity_words", "unknown_rate", "overlap", "weighted_overlap", "embedding_share"}
)


def vocabulary(section: Section) -> Table:
    """Make one row per vocabulary, with the systems that share it and the figures that any record holds."""
    systems = [system for system in section.systems if any(record.vocabulary for record in system.records)]
    shared = _shared(systems)
    columns: list[tuple[Column, Callable[[SystemResults], Cell]]] = [
        (Column("systems", "Systems", "left"), lambda system: label(system.name, system.ids)),
        (Column("name", "Vocabulary", "left"), _text("name")),
        (Column("algorithm", "Algorithm", "left"), _text("algorithm")),
        *((Column(key, HEADINGS.get(key, key.replace("_", " "))), _figure(key)) for key in _figures(systems)),
    ]
    return Table.of("vocabulary", "Vocabularies", section, ["Means over seeds."], columns, shared)


def _shared(systems: list[SystemResults]) -> list[SystemResults]:
    """Merge systems whose vocabularies are alike in every figure and seed, as one with all their names and records."""
    groups: dict[str, SystemResults] = {}
    for system in systems:
        alike = json.dumps([(record.seed, record.vocabulary) for record in system.records], sort_keys=True)
        if alike in groups:
            first = groups[alike]
            system = replace(first, name=f"{first.name}; {system.name}", records=(*first.records, *system.records))
        groups[alike] = system
    return list(groups.values())


def _figures(systems: list[SystemResults]) -> list[str]:
    """Return the keys with a number in any record: the known ones in our order, then the others by name."""
    found = {
        key
        for system in systems
        for record in system.records
        for key, value in record.vocabulary.items()
        if _number(value) is not None
    }
    return [key for key in HEADINGS if key in found] + sorted(found - HEADINGS.keys())


def _figure(key: str) -> Callable[[SystemResults], Cell]:
    def cell(system: SystemResults) -> Cell:
        values = [_number(record.vocabulary.get(key)) for record in system.records]
        mean = system.mean(lambda record: _number(record.vocabulary.get(key)))
        if key in SHARES:
            return share(mean, 1, system.ids)
        whole = all(isinstance(value, int) for value in values if value is not None)
        return number(mean, 0 if whole else 2, system.ids)

    return cell


def _text(key: str) -> Callable[[SystemResults], Cell]:
    def cell(system: SystemResults) -> Cell:
        values = (record.vocabulary.get(key) for record in system.records)
        return label(", ".join(sorted({str(value) for value in values if value is not None})) or None, system.ids)

    return cell


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
