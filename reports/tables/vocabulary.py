"""The vocabularies of the systems and whatever figures of the tokenizer-shift analysis their records hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from finkd.reports.sections import Section, SystemResults
from finkd.reports.table import Cell, Column, Field, Table, label, number, share

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

_PREFIX = "vocabulary_"


def vocabulary(section: Section) -> Table:
    """Make one row per vocabulary, with the systems that share it and the figures that any record holds."""
    systems = [system for system in section.systems if any(record.vocabulary for record in system.records)]
    shared = _shared(systems)
    columns: list[Field[SystemResults]] = [
        (Column("systems", "Systems", "left"), lambda system: label(system.name)),
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
    """Return the figures that any record holds: the known ones in our order, then the others by name."""
    columns = {column for system in systems for column in system.frame.columns}
    found = {column.removeprefix(_PREFIX) for column in columns if column.startswith(_PREFIX)}
    return [key for key in HEADINGS if key in found] + sorted(found - HEADINGS.keys())


def _figure(key: str) -> Callable[[SystemResults], Cell]:
    def cell(system: SystemResults) -> Cell:
        mean = system.mean(f"{_PREFIX}{key}")
        if key in SHARES:
            return share(mean)
        return number(mean, 2 if any(isinstance(each, float) for each in _held(system, key)) else 0)

    return cell


def _text(key: str) -> Callable[[SystemResults], Cell]:
    return lambda system: label(", ".join(sorted({str(each) for each in _held(system, key)})) or None)


def _held(system: SystemResults, key: str) -> list[Any]:
    """Return what its records say of a vocabulary."""
    return [value for record in system.records if (value := record.vocabulary.get(key)) is not None]
