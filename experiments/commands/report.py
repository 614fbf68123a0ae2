"""``finkd report``: tables and pages from runs that are done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from corpora.errors import FinkdError, UnavailableError
from corpora.lines import read_json
from experiments.terminal import say, show_json, show_tables

if TYPE_CHECKING:
    from finkd.records import RunRecord


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, or single record files.")],
    formats: Annotated[
        str, typer.Option("--format", metavar="md,tex,html,csv", help="Names of 'finkd list formats', with commas.")
    ] = "md,tex,html,csv",
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report. (default: the run's, or runs/report for several)")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the paths of the written files as JSON.")] = False,
) -> None:
    """Build the report of one or several runs again.

    Example: finkd report runs/quickstart --format md,html --out runs/report
    """
    for run in runs:
        if not run.exists():
            raise UnavailableError(f"{run}: there is no such run")

    from finkd.records import load_records
    from finkd.suites.record import load_task_records
    from reports.build import build
    from reports.general import general
    from reports.report import compose

    tasks = load_task_records(runs)
    records = load_records(runs) if not tasks or any(_has_runs(run) for run in runs) else []
    for run in runs:
        if missing := _missing(run, records):
            say(f"{run}: not finished; without {', '.join(missing)}")
    alone = runs[0] if len(runs) == 1 and runs[0].is_dir() else None
    if alone is not None and any(alone.glob("*.record.json")):
        alone = alone.parent  # that folder is for records alone
    names = [name.strip() for name in formats.split(",")]
    written = build(records, out or alone or Path("runs/report"), names, tasks)
    if json:
        show_json([str(path) for path in written])
        return
    shown = compose(records, ["results", *general], tasks)
    show_tables(table for chapter in shown.chapters for table in chapter.tables.values())
    show_tables(shown.overviews.values())
    for path in written:
        say(f"wrote {path}")


def _has_runs(path: Path) -> bool:
    return any(path.rglob("*.record.json")) if path.is_dir() else path.name.endswith(".record.json")


def _missing(run: Path, records: Sequence[RunRecord]) -> list[str]:
    """Systems of a run's folder, each with a seed, that have no record yet."""
    try:
        settings = read_json(run / "experiment.json")
        wanted = [(settings["name"], name, seed) for seed in settings["seeds"] for name in settings["systems"]]
    except (FinkdError, KeyError, TypeError):  # not the folder of a run
        return []
    known = {(record.experiment, record.system, record.seed) for record in records}
    return [f"{name} (seed {seed})" for experiment, name, seed in wanted if (experiment, name, seed) not in known]
