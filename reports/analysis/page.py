"""The files of an analysis: figures, tables, and one HTML page that needs no other file, no script and no network."""

from __future__ import annotations

import json
import logging
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from finkd.corpora.files import write_atomic
from finkd.corpora.wording import counted
from finkd.reports.analysis import charts, tables
from finkd.reports.analysis.tables import Side, shown, shown_sides
from finkd.reports.captions import SAMPLE_NOTICE
from finkd.reports.figures.canvas import inline
from finkd.reports.formats import latex, markdown
from finkd.reports.pages.templating import TEMPLATES
from finkd.reports.table import Table, plain

if TYPE_CHECKING:
    from finkd.tokenization.analysis import Analysis, Estimate
    from finkd.tokenization.analysis.examples import Segment
    from finkd.tokenization.analysis.result import Measured

logger = logging.getLogger(__name__)
_SPACE = {"kind": "space", "text": " ", "tokens": ""}


def build(analysis: Analysis, out: Path) -> list[Path]:
    """Write ``analysis.json`` (every figure), ``.md`` and ``.tex`` (the tables) and ``.html`` (a page to read).

    The same analysis gives the same bytes.

    Args:
        analysis: what was measured.
        out: folder, made if missing; files of the same names are replaced, each one atomically.

    Returns:
        the files written.

    Raises:
        StoreError: if ``out`` cannot be written.
    """
    made = tables.tables(analysis)
    contents = {
        "analysis.json": json.dumps(analysis.as_dict(), indent=1) + "\n",
        "analysis.md": markdown.document(made),
        "analysis.tex": latex.document(made),
        "analysis.html": render(analysis),
    }
    for name, content in contents.items():
        write_atomic(out / name, content)
        logger.info("wrote %s", out / name)
    return [out / name for name in contents]


def render(analysis: Analysis) -> str:
    """Render the page."""
    names = [plain(corpus.name) for corpus in analysis.corpora]
    return TEMPLATES.get_template("analysis.html.j2").render(
        title=f"Tokenization: {', '.join(names)}",
        summary=summary(analysis),
        vocabularies=[plain(analysis.vocabularies[index].name) for index in shown(analysis)],
        hidden=len(analysis.vocabularies) - len(shown(analysis)),
        chapters=[_chapter(analysis, corpus) for corpus in analysis.corpora],
        overview=_picture(_fertility(analysis), "Tokens per word of each tokenizer and corpus"),
        domains=_shown(tables.domains(analysis)),
        sweep=_shown(tables.sweep(analysis)),
        curves=_picture(charts.curves(analysis), "Tokens per word against entries") if analysis.curves else None,
        limit=analysis.limit,
    )


def _chapter(analysis: Analysis, corpus: Measured) -> dict[str, Any]:
    made = {make.__name__: _shown(make(analysis, corpus)) for make in tables.OF_CORPUS}
    return {
        "name": plain(corpus.name),
        "notice": SAMPLE_NOTICE if corpus.name in tables.SAMPLES else "",
        "examples": _examples(analysis, corpus),
        "kinds": _picture(_kinds(analysis, corpus), f"Tokens by kind of word and number, {corpus.name}"),
        "whole": _picture(_whole(analysis, corpus), f"Whole entities by type, {corpus.name}"),
        "fragments": [_shown(tables.fragments(analysis, corpus, index)) for index in shown(analysis)[:3]],
        **made,
    }


def _shown(table: Table) -> tuple[Table, Any, Any] | None:
    """Return a table with what readers see of it, if it has rows."""
    return (table, *table.for_readers()) if table.rows else None


def _picture(element: str | None, name: str) -> tuple[Markup, str] | None:
    """Return a picture and what it shows, in words."""
    return None if element is None else (inline(element), plain(name))


def _fertility(analysis: Analysis) -> str:
    """Draw tokens per word: a row per tokenizer, a series per corpus."""
    rows = [vocabulary.name for vocabulary in analysis.vocabularies]
    series = [
        (corpus.name, [profile.fertility for profile in analysis.of_corpus(corpus.name)]) for corpus in analysis.corpora
    ]
    return charts.dots(rows, series, "tokens per word")


def _kinds(analysis: Analysis, corpus: Measured) -> str:
    """Draw tokens by kind of word and number: a row per kind, a series per tokenizer shown."""
    profiles = [side.profile for side in shown_sides(analysis, corpus)]
    rows = [cut.name for cut in (*profiles[0].shapes, *profiles[0].numbers)]
    series = [(each.tokenizer, [cut.tokens for cut in (*each.shapes, *each.numbers)]) for each in profiles]
    return charts.dots(rows, series, "tokens for each word or number")


def _whole(analysis: Analysis, corpus: Measured) -> str | None:
    """Draw whole entities: a row per type, a series per tokenizer shown; ``None`` without entities."""
    if not corpus.entities:
        return None
    profiles = [side.profile for side in shown_sides(analysis, corpus)]
    rows = [each.name for each in profiles[0].types]
    series = [(each.tokenizer, [cut.whole_entities for cut in each.types]) for each in profiles]
    return charts.dots(rows, series, "entities whose words are all one known token (%)", 0.01)


def _examples(analysis: Analysis, corpus: Measured) -> list[list[dict[str, Any]]]:
    """Make for each text one line per tokenizer shown."""
    return [
        [
            {
                "name": plain(side.vocabulary.name),
                "length": counted(example.lengths[side.index], "token"),
                "segments": [_segment(segment) for segment in example.cuts[side.index]],
            }
            for side in shown_sides(analysis, corpus)
        ]
        for example in analysis.examples
        if example.corpus == corpus.name
    ]


def _segment(segment: Segment) -> dict[str, str]:
    """Make the visible part of a stretch: white space as one space, nothing invisible, its tokens as a title."""
    text = plain(segment.text)
    if segment.kind != "gap":
        return {"kind": segment.kind, "text": text, "tokens": plain(" ".join(segment.tokens))}
    visible = "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) == "Cf" else char for char in text)
    return {"kind": "lost", "text": visible, "tokens": "no token"} if text else _SPACE


def summary(analysis: Analysis) -> str:
    """Return what the tokenizers cost on the first corpus, what another domain changes, and where the knees are."""
    corpus = analysis.corpora[0]
    reference, *others = shown_sides(analysis, corpus)
    name, fertility = reference.vocabulary.name, reference.profile.fertility.value
    sentences = [f"On {corpus.name}, {name} spends {fertility:.2f} tokens on a word."]
    sentences += [_against(reference, side) for side in others]
    shifts = [shift for shift in analysis.domain_shifts if shift.tokenizer == name]
    sentences += [
        f"On {shift.corpus}, {name} spends {shift.fertility_ratio.value:.2f} times as many tokens on a word "
        f"as on {corpus.name}."
        for shift in sorted(shifts, key=lambda shift: -shift.fertility_ratio.value)[:1]
    ]
    sentences += [
        f"For {curve.algorithm}, entries beyond {curve.knee:,} buy less than the sweep's average."
        for curve in analysis.curves
        if curve.corpus == corpus.name and curve.knee is not None
    ]
    return plain(" ".join(sentences))


def _against(reference: Side, side: Side) -> str:
    """Compare a tokenizer with the reference in a sentence."""
    vocabulary, profile, shift = side.vocabulary, side.profile, side.shift
    assert shift is not None
    text = (
        f"{vocabulary.name}, of {vocabulary.size:,} entries, spends {profile.fertility.value:.2f}: "
        f"{_length(shift.length_ratio)}"
    )
    old, new = reference.vocabulary.embedding_share, vocabulary.embedding_share
    if old is not None and new is not None:
        text += f", and embeddings are {new:.0%} of the weights instead of {old:.0%}"
    if side.entities is not None and reference.entities is not None:
        ours, theirs = side.entities.whole_entities.value, reference.entities.whole_entities.value
        text += f"; it keeps {ours:.0%} of the entities whole, the reference {theirs:.0%}"
    return f"{text}."


def _length(ratio: Estimate) -> str:
    if ratio.low is not None and ratio.high is not None and ratio.low <= 1 <= ratio.high:
        return "texts are as long as before, as far as this text can tell"
    change = abs(ratio.value - 1)
    return f"texts become {change:.1%} {'longer' if ratio.value > 1 else 'shorter'}"
