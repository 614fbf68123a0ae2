"""``finkd errors``: where a tagger is wrong, and where another one is not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finkd.experiments.console.options import refuse_idle_scheme
from finkd.experiments.console.terminal import say, show_tables
from finkd.experiments.console.threads import Threads

if TYPE_CHECKING:
    from finkd.inference.tagger import Tagger


def errors(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Folder of the tagger that is looked at.")],
    other: Annotated[str | None, typer.Argument(help="Folder of another one, such as its teacher.")] = None,
    corpus: Annotated[str, typer.Option(help="Labelled corpus to read.")] = "sample",
    split: Annotated[str | None, typer.Option(help="Its split. (default: test, or else validation)")] = None,
    scheme: Annotated[str, typer.Option(help="How a corpus given by its path is tagged: IOB1, IOB2, BIOES.")] = "IOB2",
    offsets: Annotated[str, typer.Option(help="What its offsets count: characters, utf16, bytes.")] = "characters",
    most: Annotated[int, typer.Option(min=1, help="Most sentences of the page.")] = 2000,
    out: Annotated[Path, typer.Option(help="Page to write.")] = Path("errors.html"),
    threads: Threads = None,
) -> None:
    """Count the errors of a tagger by kind, and write a page with every sentence in which it, or the other, is wrong.

    The page has filters: by kind and type, for names that training did not have, for words that only the other's
    vocabulary holds, and for sentences in which the other is right.

    Example: finkd errors runs/mine/models/distilled-seed-1 runs/mine/models/teacher-seed-1 --corpus sample
    """
    refuse_idle_scheme(context, corpus)

    from finkd import corpora
    from finkd.experiments.configuration.splits import check_labels, divided, scored_split
    from finkd.export.loading import find_tagger, load_tagger

    names = [model] if other is None else [model, other]
    folders = [find_tagger(each) for each in names]  # before what takes seconds to import

    from finkd.corpora.files import write_atomic
    from finkd.corpora.tags import entities
    from finkd.evaluation.errors import Reading, frequencies
    from finkd.inference.tagger import predict_with_scores
    from finkd.reports.pages.errors import Errors, page, tables

    data = divided(corpora.load(corpus, scheme, offsets), split)
    chosen = scored_split(data, split)
    sentences = data.splits[chosen]
    taggers = [load_tagger(each) for each in folders]
    readings = []
    for name, folder, tagger in zip(_named(names), names, taggers, strict=True):
        check_labels(folder, tagger.labels, data)
        tags, scores, _ = predict_with_scores(sentences, tagger)
        readings.append(Reading(name, [entities(each) for each in tags], scores))
    words = sorted({word for sentence in sentences for word in sentence.words})
    tokens = [_tokens(tagger, words) for tagger in taggers]
    lost = {word.lower() for word in words if len(tokens) > 1 and tokens[0][word] > 1 and tokens[1][word] == 1}
    frequency = frequencies(data.splits.get("train", ()))
    found = Errors(data.name, chosen, sentences, readings, frequency, tokens[0], frozenset(lost))
    show_tables(tables(found))
    write_atomic(out, page(found, most))
    say(f"wrote {out}")


def _named(folders: list[str]) -> list[str]:
    """Return the last part of each path, or the whole of it if these are the same."""
    short = [Path(each).name for each in folders]
    return short if len(set(short)) == len(short) else folders


def _tokens(tagger: Tagger, words: list[str]) -> dict[str, int]:
    """Count the tokens of each word, without special tokens."""
    encoded = tagger.tokenizer.encode(words)
    special = len(tagger.tokenizer.encode([""]).ids)
    counts = encoded.rows[1:] - encoded.rows[:-1] - special
    return dict(zip(words, counts.tolist(), strict=True))
