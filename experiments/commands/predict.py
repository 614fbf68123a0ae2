"""``finkd predict``: find the entities in raw text."""

from __future__ import annotations

import dataclasses
import json as json_format
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from html import escape
from itertools import chain, tee
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from finkd.corpora.errors import ConfigError, FinkdError
from finkd.corpora.files import check_writable, sha256, write_atomic
from finkd.corpora.tags import entity_types
from finkd.corpora.text.streams import TEXT, Format, format_of, text_records
from finkd.corpora.wording import counted
from finkd.experiments.console.options import Precision, Threads, refuse_idle
from finkd.experiments.console.resumable_lines import resumable_lines, told
from finkd.experiments.console.spacy_alone import import_spacy_alone
from finkd.experiments.console.terminal import results, say, visible

if TYPE_CHECKING:
    from finkd.inference.tagging import Tagged

COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "red")


def predict(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Folder of the model, or of its ONNX graph.")],
    text: Annotated[str | None, typer.Argument(help="The text.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="File of texts: lines, .jsonl or .csv; - is standard input.")
    ] = None,
    field: Annotated[str, typer.Option(help="Key or column of the text in .jsonl and .csv.")] = TEXT,
    kind: Annotated[Format | None, typer.Option("--format", help="What the file holds. (default: by its name)")] = None,
    threads: Threads = None,
    precision: Precision = "auto",
    batch: Annotated[int, typer.Option(min=1, help="Most texts that are read at once; 1 answers each line.")] = 128,
    min_score: Annotated[float, typer.Option(min=0, max=1, help="Leave out entities of a lower score.")] = 0,
    html: Annotated[Path | None, typer.Option(help="Write a page instead; all text is held in memory.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per text, with offsets.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="File of JSON lines to write instead; if it was begun and is not whole, it is gone on with."),
    ] = None,
) -> None:
    """Mark the named entities of a text, or of each text of a file of any size.

    With --json, each entity has its score: the probability that exactly these words are an entity of this type. What
    stands beside a text in .jsonl and .csv is printed with its entities; entities that it had before are then called
    input_entities. With --out, a file of any size is tagged in constant memory, and what was done is not lost if the
    command is killed: the same command goes on.

    Example: finkd predict runs/quickstart/models/teacher-seed-1 "Acme Corp. borrowed $5 million from Paris Capital."
    """
    if (text is None) == (file is None):
        raise ConfigError("predict: expected either a text in quotes or --file FILE")
    _refuse_idle(context, file, kind, html, out)
    records = iter([{field: text}]) if file is None else text_records(file, field, kind)
    records = chain([first], records) if (first := next(records, None)) else records  # a wrong file is refused at once

    from finkd.export.loading import find_tagger, load_tagger

    folder = find_tagger(model)  # before what takes seconds to import
    if html is not None:
        check_writable(html)

    from finkd.models.lookup import is_graph

    if is_graph(model):
        refuse_idle(context, "with an ONNX graph", "precision")
        import_spacy_alone()

    from finkd.inference.tagging import predict

    tagger = load_tagger(model, precision=precision)
    if out is not None:
        made_by = _made_by(folder, precision)
        made_by |= {"field": field, "format": file and format_of(file, kind), "min_score": min_score}
        _write_lines(records, field, partial(predict, model=tagger, batch=batch, min_score=min_score), out, made_by)
        return
    types = entity_types(tagger.labels)
    wrong: list[FinkdError] = []
    asked, beside = tee(_until_wrong(records, wrong))
    tagged = predict((record[field] for record in asked), tagger, batch, min_score=min_score)
    if html is not None:
        _write_page(tagged, html)
    for each, record in zip(tagged, beside, strict=False):
        if json:
            typer.echo(json_format.dumps(_with_entities(record, each)))
        else:
            results.print(_marked(each, types), soft_wrap=True)
    if wrong:
        raise wrong[0]


def _made_by(folder: Path, precision: str) -> dict[str, Any]:
    """Return what decides a tagger's entities: its files and, unless it is a graph, the number format."""
    from finkd.models.lookup import is_graph, model_files

    found: dict[str, Any] = {"files": {each.name: sha256(each) for each in model_files(folder)}}
    if not is_graph(folder):
        from finkd.machine.precision import resolve_precision

        found["precision"] = resolve_precision(precision)
    return found


def _write_lines(
    records: Iterator[dict[str, Any]],
    field: str,
    tag: Callable[[Iterable[str]], Iterator[Tagged]],
    out: Path,
    made_by: Mapping[str, Any],
) -> None:
    """Write the records with their entities; those that were written before are read, and must be the same."""
    with resumable_lines(out, made_by) as lines:
        done = told(say)
        known = 0
        for line in lines.finished():
            known += 1
            before = {key: value for key, value in line.items() if key != "entities"}
            if _renamed(next(records, {})) != before:
                raise ConfigError(
                    f"{out}.unfinished:{known}: is not what the file of texts says; remove it, or choose another --out"
                )
        if known:
            say(f"{out}.unfinished has {counted(known, 'text')}; going on")
        wrong: list[FinkdError] = []
        asked, beside = tee(_until_wrong(records, wrong))
        for each, record in zip(tag(record[field] for record in asked), beside, strict=False):
            lines.write(_with_entities(record, each))
            done(len(each.text))
        if wrong:
            raise wrong[0]
    say(f"wrote {out}")


def _with_entities(record: dict[str, Any], tagged: Tagged) -> dict[str, Any]:
    return {**_renamed(record), "entities": [dataclasses.asdict(mention) for mention in tagged.mentions]}


def _refuse_idle(
    context: typer.Context, file: Path | None, kind: Format | None, html: Path | None, out: Path | None
) -> None:
    """Refuse options that the others leave without effect."""
    if file is None:
        refuse_idle(context, "without --file", "field", "kind", "batch", "out")
    elif format_of(file, kind) == TEXT:
        refuse_idle(context, "where each line is a text (see --format)", "field")
    if html is not None:
        refuse_idle(context, "beside --html", "json", "out")
    if out is not None:
        refuse_idle(context, "beside --out, which writes JSON", "json")


def _until_wrong(records: Iterator[dict[str, Any]], wrong: list[FinkdError]) -> Iterator[dict[str, Any]]:
    """Yield the records up to a broken one, whose error is appended to ``wrong``."""
    try:
        yield from records
    except FinkdError as error:
        wrong.append(error)


def _renamed(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record whose field ``entities``, if there is one, has another name that is free."""
    if "entities" not in record:
        return record
    name = "input_entities"
    while name in record:
        name = f"input_{name}"
    return {name if key == "entities" else key: value for key, value in record.items()}


def _marked(tagged: Tagged, types: Sequence[str]) -> Text:
    """Return the text with its entities in brackets and in colour."""
    marked, behind = Text(), 0
    for mention in tagged.mentions:
        marked.append(visible(tagged.text[behind : mention.start]))
        colour = COLOURS[types.index(mention.label) % len(COLOURS)]
        marked.append(f"[{visible(mention.text)} {visible(mention.label)}]", style=f"bold {colour}")
        behind = mention.end
    return marked.append(visible(tagged.text[behind:]))


def _write_page(tagged: Iterator[Tagged], path: Path) -> None:
    from spacy import displacy

    # displaCy escapes the text but not the labels, which come from a model's configuration.
    pages = [
        {
            "text": each.text,
            "title": None,
            "ents": [{"start": m.start, "end": m.end, "label": escape(m.label)} for m in each.mentions],
        }
        for each in tagged
    ]
    write_atomic(path, displacy.render(pages, style="ent", page=True, manual=True, jupyter=False))
    say(f"wrote {path}")
