"""``finkd errors``: where a tagger is wrong, and where another one is not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finkd.experiments.console.options import Offsets, Scheme, Split, Threads, refuse_idle, refuse_idle_scheme
from finkd.experiments.console.terminal import say, show_tables

_RECORD = "its run record (.record.json), which keeps what it found"


def errors(
    context: typer.Context,
    tagger: Annotated[str, typer.Argument(help=f"Folder of the tagger that is looked at, or {_RECORD}.")],
    other: Annotated[str | None, typer.Argument(help="Those of another one, such as its teacher.")] = None,
    corpus: Annotated[str, typer.Option(help="Labelled corpus that models read; records know theirs.")] = "sample",
    split: Split = None,
    scheme: Scheme = "IOB2",
    offsets: Offsets = "characters",
    most: Annotated[int, typer.Option(min=1, help="Most sentences of the page.")] = 2000,
    out: Annotated[Path, typer.Option(help="Page to write.")] = Path("errors.html"),
    threads: Threads = None,
) -> None:
    """Count the errors of a tagger by kind, and write a page with every sentence in which it, or the other, is wrong.

    The page has filters: by kind and type, for names that training did not have, for words that only the other's
    vocabulary holds, and for sentences in which the other is right. 'finkd run' writes such a page for each system.

    Example: finkd errors runs/mine/records/distilled-seed-1.record.json runs/mine/models/teacher-seed-1
    """
    from finkd.records import SUFFIX

    names = [tagger] if other is None else [tagger, other]
    records = [name for name in names if name.endswith(SUFFIX)]
    if records:
        refuse_idle(context, "with a record, which knows its text", "corpus", "split", "scheme", "offsets")
    refuse_idle_scheme(context, corpus)

    from finkd.export.loading import find_tagger

    folders = {name: find_tagger(name) for name in names if name not in records}  # before slow imports

    from finkd.corpora.files import check_writable, write_atomic

    check_writable(out)

    from finkd.evaluation.error_analysis import frequencies
    from finkd.experiments.running.readings import (
        reading_of_record,
        reading_of_tagger,
        text_of_corpus,
        text_of_record,
    )
    from finkd.reports.error_analysis import Errors, tables
    from finkd.reports.pages.error_analysis import page

    text = text_of_record(Path(records[0])) if records else text_of_corpus(corpus, split, scheme, offsets)
    readings = [
        reading_of_tagger(shown, folders[name], text)
        if name in folders
        else reading_of_record(shown, Path(name), text.sentences)
        for shown, name in zip(_named(names), names, strict=True)
    ]
    found = Errors(text.data.name, text.split, text.sentences, readings, frequencies(text.train))
    show_tables(tables(found))
    write_atomic(out, page(found, most))
    say(f"wrote {out}")


def _named(paths: list[str]) -> list[str]:
    """Return the last part of each path, or the whole of it if these are the same."""
    from finkd.records import SUFFIX

    short = [Path(each).name.removesuffix(SUFFIX) for each in paths]
    return short if len(set(short)) == len(short) else paths
