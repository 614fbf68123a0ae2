"""``finkd report``: build tables and pages from finished runs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finkd.corpora.errors import ConfigError, FinkdError, UnavailableError
from finkd.corpora.readers.json_files import read_json
from finkd.corpora.wording import counted
from finkd.experiments.configuration.layout import RECORDS, RUNS, SETTINGS
from finkd.experiments.console.options import Json, values
from finkd.experiments.console.terminal import say, show_json, show_tables

if TYPE_CHECKING:
    from finkd.records import RunRecord
    from finkd.runtimes.record import BenchmarkRecord
    from finkd.suites.record import TaskRecord

FORMATS = "md,tex,html,csv"
_SHOWN = 8


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, or single record files.")],
    formats: Annotated[
        list[str] | None, typer.Option("--format", help=f"Names of 'finkd list formats'. (default: {FORMATS})")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="(default: the run's folder, or runs/report for several)")] = None,
    json: Json = False,
) -> None:
    """Build the report of one or several runs again, or the tables of a benchmark.

    Example: finkd report runs/quickstart --format md,html --out runs/report
    """
    for run in runs:
        if not run.exists():
            raise UnavailableError(f"{run}: there is no such run")

    from finkd.experiments.running.error_pages import error_pages
    from finkd.records import load_records
    from finkd.reports.build import build
    from finkd.reports.general import general
    from finkd.reports.report import compose
    from finkd.suites.record import load_task_records

    found = [_records_of(run) for run in runs]
    tasks = load_task_records(found)
    benchmark = _benchmark_of(runs)
    of_runs = [path for path in found if _may_hold_runs(path)]
    records = load_records(of_runs) if of_runs else []
    for run in runs:
        if missing := _missing(run, records, tasks):
            say(f"{run}: not finished; without {', '.join(missing)}")
    alone = runs[0] if len(runs) == 1 and runs[0].is_dir() else None
    if alone is not None and alone.name == RECORDS:
        alone = alone.parent
    folder = out or alone or RUNS / "report"
    pages = error_pages(records, folder) if folder == alone else {}
    written = build(records, folder, values(formats or [FORMATS]), tasks, pages, benchmark)
    if json:
        show_json([str(path) for path in written])
        return
    shown = compose(records, ["results", *general], tasks, benchmark=benchmark)
    show_tables(table for chapter in shown.chapters for table in chapter.tables.values())
    show_tables(shown.overviews.values())
    main = [name for name in ("report.html", "results.md") if folder / name in written]
    for name in main:
        say(f"wrote {folder / name}")
    say(f"{len(written) - len(main)} more files are in {folder}")


def _records_of(run: Path) -> Path:
    """Return where a run keeps its records: itself, if it is a file or a folder of records.

    Raises:
        ConfigError: if it is no run, but a folder of runs.
    """
    if (run / RECORDS).is_dir() and any(_records_in((run / RECORDS).iterdir())):
        return run / RECORDS
    if run.is_file() or any(_records_in(run.iterdir())):
        return run
    folders = {path.parent for path in _records_in(run.rglob("*"))}
    below = sorted(str(each.parent if each.name == RECORDS else each) for each in folders)
    if not below:
        return run
    command = shlex.join([*below[:2], *(["--out", str(run / "report")] if len(below) > 1 else [])])
    more = f" and {len(below) - _SHOWN} more" if len(below) > _SHOWN else ""
    raise ConfigError(
        f"{run}: is no run, but holds {counted(len(below), 'run')} ({', '.join(below[:_SHOWN])}{more}); name those "
        f"to report together: finkd report {command}"
    )


def _records_in(paths: Iterable[Path]) -> Iterator[Path]:
    of_runs, others = _names_of_records()
    return (path for path in paths if any(map(path.match, (*of_runs, *others))))


def _names_of_records() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the patterns of files of run records, and of records of tasks and of benchmarks."""
    from finkd import records
    from finkd.runtimes.record import FILE
    from finkd.suites import record as tasks

    return records.KEPT, (*tasks.KEPT, FILE)


def _benchmark_of(runs: Sequence[Path]) -> list[BenchmarkRecord]:
    """Read the records of the benchmark that is named, or lies in a folder that is.

    Raises:
        ConfigError: if there are several, whose ratios are to different models.
        DataError: if it cannot be read.
    """
    from finkd.runtimes.record import FILE, load_benchmark

    paths = (run / FILE if run.is_dir() else run for run in runs)
    found = [path for path in paths if path.name == FILE and path.is_file()]
    if len(found) > 1:
        raise ConfigError(f"{found[1]}: a second benchmark; report one at a time")
    return [record for path in found for record in load_benchmark(path)]


def _may_hold_runs(path: Path) -> bool:
    """Return whether run records are read from a path: unless it holds records of other kinds alone."""
    of_runs, others = _names_of_records()

    def holds(*kinds: str) -> bool:
        return any(any(path.rglob(kind)) if path.is_dir() else path.match(kind) for kind in kinds)

    return holds(*of_runs) or not holds(*others)


def _is_made(system: Mapping[str, Any]) -> bool:
    """Return whether a run makes a system: a finished tagger may have no row in its tables."""
    members = system.get("teacher")
    return "strategy" in system or (isinstance(members, list) and any("system" in each for each in members))


def _missing(run: Path, records: Sequence[RunRecord], tasks: Sequence[TaskRecord]) -> list[str]:
    """Return the systems of a run's folder that are trained, each with a seed, that have no record yet."""
    try:
        settings = read_json(run / SETTINGS)
        systems = [name for name, system in settings["systems"].items() if _is_made(system)]
        if "suites" in settings:
            systems.insert(0, Path(settings["teacher"]).name)
            known = {(each.system, each.seed) for each in tasks}
        else:
            known = {(each.system, each.seed) for each in records if each.experiment == settings["name"]}
        wanted = [(name, seed) for seed in settings["seeds"] for name in systems]
    except (FinkdError, KeyError, TypeError, AttributeError):  # not the folder of a run
        return []
    return [f"{name} (seed {seed})" for name, seed in wanted if (name, seed) not in known]
