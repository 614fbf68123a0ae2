"""Errors of taggers, sentence by sentence: one HTML page with filters, which needs no other file and no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from finkd.corpora.sentence import Entity, Sentence
from finkd.corpora.tags import entities
from finkd.evaluation.error_analysis import KINDS, surface
from finkd.reports.error_analysis import Errors, tables
from finkd.reports.pages.templating import TEMPLATES, inline_script
from finkd.reports.table import plain

MOST = 2000
"""Most sentences of a page, unless it is said."""


def page(errors: Errors, most: int) -> str:
    """Return the page: the tables, and every sentence in which a tagger is wrong, up to a number of them."""
    rows = list(_rows(errors))
    return TEMPLATES.get_template("error_analysis.html.j2").render(
        title=plain(" and ".join(reading.name for reading in errors.readings)),
        corpus=plain(f"{errors.corpus}, {errors.split} split"),
        names=[plain(reading.name) for reading in errors.readings],
        tables=[(table, *table.for_readers()) for table in tables(errors)],
        kinds=KINDS,
        types=sorted({name for row in rows for name in row["types"]}),
        rows=rows[:most],
        left_out=max(0, len(rows) - most),
        **inline_script("error_analysis.js"),
    )


def _rows(errors: Errors) -> Iterator[dict[str, Any]]:
    """Yield what the page shows of each sentence in which a tagger is wrong."""
    wrong = [errors.mistakes(reading) for reading in errors.readings]
    for number_, sentence in enumerate(errors.sentences):
        here = [each[number_] for each in wrong]
        if not any(here):
            continue
        gold = entities(sentence.tags or ())
        about = [entity for each in here[0] for entity in (each.gold, each.found) if entity is not None]
        lines = [("gold", list(_segments(sentence, gold, gold, ())))]
        for reading in errors.readings:
            found, scores = reading.found[number_], reading.scores[number_] if reading.scores else ()
            lines.append((plain(reading.name), list(_segments(sentence, found, gold, scores))))
        yield {
            "lines": lines,
            "kinds": sorted({each.kind for each in here[0]}),
            "types": sorted({entity.type for entity in about}),
            "unseen": any(surface(sentence, each) not in errors.frequency for each in about),
            "split": any(errors.is_split(number_, each) for each in about),
            "worse": len(here) > 1 and bool(here[0]) and not here[1],
            "better": len(here) > 1 and bool(here[1]) and not here[0],
            "words": len(sentence.spans),
            "document": plain(sentence.document),
        }


def _segments(
    sentence: Sentence, found: Sequence[Entity], gold: Sequence[Entity], scores: Sequence[float]
) -> Iterator[tuple[str, str, str, str]]:
    """Yield parts of a sentence: text, type of the entity or nothing, ``right``, ``wrong`` or ``missed``, its score."""
    shown = [
        (entity, "right" if entity in gold else "wrong", f"{scores[place]:.2f}" if scores else "")
        for place, entity in enumerate(found)
    ]
    shown += [(entity, "missed", "") for entity in gold if not any(_overlap(entity, each) for each in found)]
    behind = 0
    for entity, mark, score in sorted(shown, key=lambda each: each[0].start):
        start, end = sentence.spans[entity.start][0], sentence.spans[entity.end - 1][1]
        if start > behind:
            yield sentence.text[behind:start], "", "", ""
        yield sentence.text[start:end], entity.type, mark, score
        behind = end
    if behind < len(sentence.text):
        yield sentence.text[behind:], "", "", ""


def _overlap(one: Entity, other: Entity) -> bool:
    return one.start < other.end and other.start < one.end
