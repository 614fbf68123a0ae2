"""``finkd predict``: find the entities in raw text."""

from __future__ import annotations

import dataclasses
import json as json_format
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from corpora.errors import ConfigError
from experiments.terminal import results, say, visible

if TYPE_CHECKING:
    from finkd.tagging import Tagged

COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "red")


def predict(
    model: Annotated[str, typer.Argument(help="Folder of the model, such as runs/NAME/models/SYSTEM-seed-1.")],
    text: Annotated[str | None, typer.Argument(help="The text.")] = None,
    file: Annotated[Path | None, typer.Option(help="Read texts from a file instead, one per line.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with the marked text instead.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per text, with offsets.")] = False,
) -> None:
    """Mark the named entities of a text, or of each line of a file.

    Example: finkd predict runs/quickstart/models/teacher-seed-1 "Acme Corp. borrowed $5 million from Paris Capital."
    """
    texts = _texts(text, file)

    from finkd.shipping.loading import load_tagger
    from finkd.tagging import tag

    tagger = load_tagger(model)
    types = list(dict.fromkeys(label[2:] for label in tagger.labels if label != "O"))
    tagged = tag(texts, tagger)
    if html is not None:
        _write_page(tagged, html)
        return
    for each in tagged:
        if json:
            typer.echo(json_format.dumps(_as_dict(each)))
        else:
            results.print(_marked(each, types), soft_wrap=True)


def _texts(text: str | None, file: Path | None) -> Iterator[str]:
    if (text is None) == (file is None):
        raise ConfigError("predict: expected either a text in quotes or --file FILE")
    if file is None:
        return iter([text or ""])

    from corpora.lines import numbered_lines

    return (line for _, line in numbered_lines(file))


def _as_dict(tagged: Tagged) -> dict[str, object]:
    return {"text": tagged.text, "entities": [dataclasses.asdict(mention) for mention in tagged.mentions]}


def _marked(tagged: Tagged, types: list[str]) -> Text:
    """The text with its entities in colour; in brackets where there are no colours."""
    marked, behind = Text(), 0
    for mention in tagged.mentions:
        marked.append(visible(tagged.text[behind : mention.start]))
        colour = COLOURS[types.index(mention.label) % len(COLOURS)]
        marked.append(f"[{visible(mention.text)} {visible(mention.label)}]", style=f"bold {colour}")
        behind = mention.end
    return marked.append(visible(tagged.text[behind:]))


def _write_page(tagged: Iterator[Tagged], path: Path) -> None:
    from spacy import displacy

    from corpora.files import write_atomic

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
