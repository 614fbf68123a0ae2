"""Scores that others have published on the same data, in tables of their own; never mixed with measured ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from finkd.reports.literature import references
from finkd.reports.sections import Section
from finkd.reports.table import Cell, Column, Field, Table, label, number


@dataclass(frozen=True)
class Published:
    """Published figures of one system.

    Attributes:
        system: as its authors call it.
        figures: name -> value; what was not published is left out.
        source: key of the work in ``finkd.reports.literature``, or nothing.
        remark: what a reader should know of it.
        corpus: finkd's name of the corpus, where a table is of one.
        split: that was scored, likewise.
    """

    system: str
    figures: Mapping[str, float]
    source: str = ""
    remark: str = ""
    corpus: str = ""
    split: str = ""


_SEEDS = "mean of the authors' seed files, which differ by up to .13"

_TNER = "one run of tner/{}-fin, chosen on its validation split; macro-F1 of all four types {}"

PUBLISHED = (
    *(
        Published(system, {"micro_f1": f1}, "shah2023finer", _SEEDS, "finer-ord", "test")
        for system, f1 in (("BERT-base", 0.679), ("FinBERT", 0.651), ("RoBERTa-base", 0.709), ("RoBERTa-large", 0.753))
    ),
    Published(
        "BERT-base, uncased",
        {"micro_f1": 0.816},
        remark="one run, from the model card of musk1209/finsight-ner",
        corpus="finer-ord",
        split="test",
    ),
    Published(
        "BERT-base, cased",
        {"micro_f1": 0.848},
        remark="one run, its epoch chosen on the same split, from the model card of rajaadil/finer-ord-ner",
        corpus="finer-ord",
        split="validation",
    ),
    *(
        Published(system, {"micro_f1": micro}, "ushio2021tner", _TNER.format(model, macro), "sec-filings", "test")
        for system, model, micro, macro in (
            ("DeBERTa-v3-large", "deberta-v3-large", 0.706, ".451"),
            ("RoBERTa-large", "roberta-large", 0.699, ".456"),
        )
    ),
)


def published(section: Section) -> Table:
    """Make one row per published score on the section's corpus."""
    scored: list[Field[Published]] = [
        (Column("scored", "Scored on", "left"), lambda each: label(each.split)),
        (Column("micro_f1", "Micro-F1"), lambda each: number(each.figures["micro_f1"], 3)),
    ]
    found = [each for each in PUBLISHED if each.corpus == section.corpus]
    notes = ["Not measured by finkd."]
    others = sorted({each.split for each in found} - {section.split})
    if others:
        notes.append(
            f"Scored on the {' and '.join(others)} split, the measured systems on {section.split}: compare sizes of "
            "differences, not the scores."
        )
    return by_others("published", "Published by others", section, notes, scored, found)


def by_others(
    name: str,
    title: str,
    section: Section | None,
    notes: Iterable[str],
    columns: Iterable[Field[Published]],
    found: Iterable[Published],
) -> Table:
    """Make one row per published system: its name, the given columns, its source and a remark."""
    fields: list[Field[Published]] = [
        (Column("system", "System", "left"), lambda each: label(each.system)),
        *columns,
        (Column("source", "Source", "left"), _source),
        (Column("remark", "Remark", "left"), lambda each: label(each.remark)),
    ]
    return Table.of(name, title, section, notes, fields, found)


def _source(each: Published) -> Cell:
    return label(references()[each.source].short, cites=(each.source,)) if each.source else label(None)
