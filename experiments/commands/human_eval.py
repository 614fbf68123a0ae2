"""``finkd human-eval``: write a blind form for people who rate summaries, and score their ratings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finkd.corpora.errors import ConfigError
from finkd.corpora.wording import counted
from finkd.experiments.console.options import Json, values
from finkd.experiments.console.terminal import say, show_json, show_tables

human_eval = typer.Typer(
    no_args_is_help=True,
    help="Have people rate summaries, and score their grades.\n\nExample: finkd human-eval form runs/summarization",
)


@human_eval.command("form")
def form(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of 'evaluate --suite summarization'.")],
    out: Annotated[Path, typer.Option(help="Folder for form.html and key.json.")] = Path("runs/human-eval"),
    items: Annotated[int, typer.Option(help="Dialogues to draw.")] = 10,
    seed: Annotated[int, typer.Option(help="Decides what is drawn, and the order of the summaries.")] = 1,
    method: Annotated[list[str] | None, typer.Option(help="Only systems or methods of these names.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the dialogues, if they are not DialogSum's.")] = None,
) -> None:
    """Write a form with every system's summary of some dialogues, in an order by chance, and the key to it.

    Send form.html to the raters, and keep key.json to yourself.

    Example: finkd human-eval form runs/summarization --method TextRank,lead-3
    """
    from finkd.corpora.files import write_atomic
    from finkd.corpora.tasks.dialogues import load_dialogues
    from finkd.reports.pages.rating import draw, key, page
    from finkd.suites.record import load_task_records

    records = [record for record in load_task_records(runs) if record.suite == "summarization"]
    known = {record.system for record in records} | {record.method for record in records}
    methods = values(method, known.__contains__)
    for name in methods:
        if name not in known:
            raise ConfigError(f"--method: there is no {name!r} (choose from {', '.join(sorted(known))})")
    chosen = [record for record in records if not methods or {record.system, record.method} & set(methods)]
    drawn = draw(chosen, items, seed)
    dialogues = load_dialogues(str(data) if data else None)
    if dialogues.fingerprint != chosen[0].fingerprint:
        raise ConfigError("human-eval: the summaries are not of these dialogues; name their folder by --data")
    write_atomic(out / "form.html", page(drawn, [dialogue.text for dialogue in dialogues.splits["test"]]))
    write_atomic(out / "key.json", key(drawn))
    say(
        f"wrote {out / 'form.html'} for the raters: {counted(len(drawn.items), 'summary')} of "
        f"{counted(items, 'dialogue')}"
    )
    say(f"wrote {out / 'key.json'}, which tells what wrote them: not for the raters")


@human_eval.command("score")
def score(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="What the raters have saved.")],
    key: Annotated[Path, typer.Option(help="The key of the form.")] = Path("runs/human-eval/key.json"),
    json: Json = False,
) -> None:
    """Show the mean grades of every system, and the agreement of the raters.

    Example: finkd human-eval score ratings-*.json --key runs/human-eval/key.json
    """
    from finkd.reports.pages.rating import agreement, means, read_key, read_ratings

    known = read_key(key)
    raters = [read_ratings(path, known) for path in files]
    names = [rater.rater for rater in raters]
    if len(set(names)) < len(names):
        raise ConfigError(f"human-eval: two files are of the same rater ({', '.join(sorted(names))})")
    tables = [means(known, raters), agreement(known, raters)]
    if json:
        rows = {
            table.name: [
                {column.key: cell.value for column, cell in zip(table.columns, row, strict=True)} for row in table.rows
            ]
            for table in tables
        }
        show_json(rows)
        return
    show_tables(tables)
