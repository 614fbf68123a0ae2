"""``finkd analyze``: what a domain vocabulary would change."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.terminal import markdown, say, show_json, show_tables
from finkd.teachers import DEFAULT

if TYPE_CHECKING:
    from experiments.shift import Comparison
    from reports.table import Cell, Table

FIGURES = (
    ("size", "entries", 0),
    ("fertility", "pieces per word", 3),
    ("continued_words", "words cut into pieces (share)", 3),
    ("entity_fertility", "pieces per entity word", 3),
    ("whole_entity_words", "entity words in one piece (share)", 3),
    ("unknown_rate", "unknown pieces (share)", 4),
    ("mean_length", "pieces per sentence", 1),
    ("length_95", "pieces per sentence, 95th percentile", 0),
)


def analyze(
    corpus: Annotated[str, typer.Option(help="Labelled corpus, by name or path.")],
    teacher: Annotated[str, typer.Option(help="Folder or name of the teacher.")] = DEFAULT,
    vocab_size: Annotated[int, typer.Option(help="Entries of the vocabulary to train.")] = 8000,
    algorithm: Annotated[str, typer.Option(help="A name of 'finkd list vocabularies'.")] = "wordpiece",
    cased: Annotated[
        bool, typer.Option("--cased", help="Train a vocabulary that tells upper from lower case.")
    ] = False,
    tokenizer: Annotated[
        str | None, typer.Option(metavar="DIR", help="Measure this tokenizer instead of training one.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for analysis.json and analysis.md.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Compare a domain vocabulary with the teacher's, on text that it was not trained on.

    The vocabulary learns from the corpus's train split; the figures are of its test or validation split.

    Example: finkd analyze --corpus sample --vocab-size 1000
    """
    from experiments.shift import compare

    found = compare(teacher, corpus, algorithm=algorithm, size=vocab_size, lowercase=not cased, tokenizer=tokenizer)
    if out is not None:
        _write(found, out)
    if json:
        show_json(found.as_dict())
    else:
        show_tables(tables(found))


def tables(found: Comparison) -> list[Table]:
    """The figures of both tokenizers side by side, and the words that the new one cuts most."""
    return [_figures(found), _fragmented(found)]


def _figures(found: Comparison) -> Table:
    from reports.table import Column, Table, label, number

    shift = found.shift
    sides = (shift.teacher, shift.student)
    rows: list[tuple[Cell, ...]] = [
        (label(heading), *(number(getattr(side, key), digits) for side in sides)) for key, heading, digits in FIGURES
    ]
    rows += [
        (label("embeddings (share of the weights)"), *(number(share, 3) for share in found.embedding_shares())),
        (label("length against the teacher"), number(1.0, 3), number(shift.length_ratio, 3)),
        (label("entries in both vocabularies (share)"), label(None), number(shift.overlap, 3)),
        (label("occurring pieces that the teacher knows (share)"), label(None), number(shift.weighted_overlap, 3)),
    ]
    notes = f"Corpus {found.corpus}, {found.split} split: {shift.sentences:,} sentences, {shift.words:,} words."
    columns = (
        Column("figure", "Figure", "left"),
        Column("teacher", f"Teacher ({shift.teacher.algorithm})"),
        Column("student", f"{shift.student.name} ({shift.student.algorithm})"),
    )
    return Table("shift", f"Tokenizer shift from {found.teacher}", (notes,), columns, tuple(rows))


def _fragmented(found: Comparison) -> Table:
    from reports.table import Column, Table, label, number

    columns = (
        Column("word", "Word", "left"),
        Column("count", "Count"),
        Column("teacher", "Teacher", "left"),
        Column("student", "Student", "left"),
    )
    rows = tuple(
        (label(word.word), number(word.count), label(" ".join(word.teacher)), label(" ".join(word.student)))
        for word in found.shift.fragmented
    )
    return Table("fragmented", "Words that cost the student most extra pieces", (), columns, rows)


def _write(found: Comparison, out: Path) -> None:
    from corpora.files import write_atomic

    write_atomic(out / "analysis.json", json_format.dumps(found.as_dict(), indent=1) + "\n")
    write_atomic(out / "analysis.md", markdown(tables(found)))
    say(f"wrote {out / 'analysis.json'}")
    say(f"wrote {out / 'analysis.md'}")
