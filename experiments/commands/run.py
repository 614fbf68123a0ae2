"""``finkd run``: run one experiment, end to end."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finkd.corpora.errors import ConfigError
from finkd.corpora.wording import counted
from finkd.experiments.configuration.layout import MODELS, RECORDS, default_folder, store_beside
from finkd.experiments.console.notification import announced
from finkd.experiments.console.options import (
    Json,
    Offsets,
    Overrides,
    Scheme,
    Seeds,
    Threads,
    WhenDone,
    finite,
    numbers,
    refuse_idle,
    refuse_idle_scheme,
    values,
)
from finkd.experiments.console.terminal import messages, say, show_json, show_tables
from finkd.experiments.console.tracking import Tracker, tracked

if TYPE_CHECKING:
    from finkd.experiments.configuration.experiment import Experiment
    from finkd.experiments.running.plan import Planned

Out = Annotated[Path | None, typer.Option(help="Folder for the results. (default: runs/NAME)")]
CheckpointSeconds = Annotated[
    float,
    typer.Option(
        min=0, callback=finite, help="Time between two checkpoints of a training, from which a killed run goes on."
    ),
]
Jobs = Annotated[
    int,
    typer.Option(
        min=1,
        help="Seeds (of encoders: systems) to train at once, each on its share of the cores; measured afterwards.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Show what is stored, what is shared and what is to do, and stop. --when-done is not run.",
    ),
]
Track = Annotated[Tracker | None, typer.Option(help="Send losses and scores to this tracker too.")]
CONFIG_SUFFIXES = (".yaml", ".yml")
_LONGEST_NAME = 200
_OF_TAGGERS = ("checkpoint_seconds", "tiny")
"""Parameters that an experiment on encoders does not have."""


def run(
    context: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG|STRATEGY",
            help="A YAML file, a strategy by its name or stages, or a name of 'finkd list configurations'.",
        ),
    ],
    overrides: Overrides = None,
    out: Out = None,
    seeds: Seeds = None,
    corpus: Annotated[str | None, typer.Option(help="Labelled corpus for a STRATEGY. (default: sample)")] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="SYSTEM", help="Only these and the teacher.")
    ] = None,
    scheme: Scheme = "IOB2",
    offsets: Offsets = "characters",
    checkpoint_seconds: CheckpointSeconds = 60,
    jobs: Jobs = 1,
    dry_run: DryRun = False,
    track: Track = None,
    when_done: WhenDone = None,
    tiny: Annotated[
        bool, typer.Option("--tiny", help="Rehearse: every stage, on the first sentences of every split and text.")
    ] = False,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Run an experiment: train, score, measure and report its systems.

    A configuration with 'suites' compares encoders on general tasks, any other one taggers on a corpus. A STRATEGY is
    compared with the fine-tuned teacher. What was computed before is taken from the store beside the
    results; a run that was killed goes on where it was.

    Example: finkd run quickstart --seeds 1,2,3
    """
    from finkd.experiments.configuration.shipped import configuration_file
    from finkd.strategies import strategies

    what = what if what in strategies else str(configuration_file(what))
    if _names_a_file(Path(what)):
        own = "with a configuration, which has its own (use --set KEY=VALUE)"
        refuse_idle(context, own, "corpus", "scheme", "offsets")
    refuse_idle_scheme(context, corpus or "sample")
    chosen = numbers("--seeds", seeds) if seeds else None
    if (students := _encoders_of(Path(what))) is not None:
        refuse_idle(context, "with a configuration of encoders", *_OF_TAGGERS)
        names = values(only, lambda text: text in students)
        with announced(None if dry_run else when_done):
            _run_encoders(what, overrides or [], chosen, names, out, jobs, track, dry_run=dry_run, json=json)
        return
    experiment = _experiment(what, overrides or [], chosen, only or [], corpus, scheme, offsets, tiny=tiny)

    from finkd.experiments.console.progress import shown
    from finkd.experiments.running.run import run as run_experiment
    from finkd.machine import processes

    folder = out or default_folder(experiment.name)
    if dry_run:
        _show_plan(experiment, folder, json=json)
        return
    with announced(when_done), shown(messages) as show, tracked(track, experiment.name, folder, show) as listen:
        records = run_experiment(experiment, folder, listen, checkpoint_seconds, jobs)
    if not processes.is_first():
        return
    if json:
        show_json({"out": str(folder), "records": [record.figures for record in records]})
        return

    from finkd.records import load_records
    from finkd.reports.pages.summary import summary
    from finkd.reports.report import compose

    report = compose(load_records([folder / RECORDS]), ["results"])
    show_tables(table for chapter in report.chapters for table in chapter.tables.values())
    for chapter in report.chapters:
        say(summary(chapter.section))
    for name in ("report.html", "results.md", "results.tex", "results.csv"):
        say(f"wrote {folder / name}")
    say(f"models are in {folder / MODELS}")


def _encoders_of(path: Path) -> Mapping[str, Any] | None:
    """Return the students of a configuration that compares encoders; ``None`` for anything else."""
    from finkd.experiments.configuration.reading import settings_in
    from finkd.experiments.configuration.shipped import suggestion

    if not _names_a_file(path):
        return None
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder; name a configuration file")
    if not path.is_file():
        raise ConfigError(f"{path}: does not exist{suggestion(path) or '; name a configuration file'}")
    settings = settings_in(path)
    systems = settings.get("systems")
    return (systems if isinstance(systems, dict) else {}) if "suites" in settings else None


def _run_encoders(
    path: str,
    overrides: list[str],
    seeds: list[int] | None,
    only: list[str],
    out: Path | None,
    jobs: int,
    track: Tracker | None,
    *,
    dry_run: bool,
    json: bool,
) -> None:
    from finkd.experiments.console.progress import shown
    from finkd.experiments.suites.encoder_experiment import load_encoder_experiment
    from finkd.experiments.suites.encoders import run_encoders

    experiment = load_encoder_experiment(path, overrides, seeds, only)
    folder = out or default_folder(experiment.name)
    if dry_run:
        from finkd.experiments.suites.encoder_plan import ESTIMATED, plan_encoders

        if others := [suite for suite in experiment.suites if suite not in ESTIMATED]:
            say(f"finkd: not estimated: {', '.join(others)}")
        _show_stages(plan_encoders(experiment, folder), json=json)
        return
    with shown(messages) as show, tracked(track, experiment.name, folder, show) as listen:
        records = run_encoders(experiment, folder, listen, jobs)
    if json:
        show_json({"out": str(folder), "records": [record.figures for record in records]})
        return

    from finkd.reports.report import compose

    show_tables(compose([], None, records).overviews.values())
    for name in ("report.html", "results.md"):
        say(f"wrote {folder / name}")
    say(f"models are in {folder / MODELS}")


def _experiment(
    what: str,
    overrides: list[str],
    seeds: list[int] | None,
    only: list[str],
    corpus: str | None,
    scheme: Scheme,
    offsets: Offsets,
    *,
    tiny: bool,
) -> Experiment:
    from finkd.experiments.configuration.experiment import from_settings
    from finkd.experiments.configuration.reading import one_strategy, overridden, rehearsed, settings_in

    def built(settings: dict[str, Any], only: list[str]) -> Experiment:
        settings = overridden(settings, overrides)
        return from_settings(rehearsed(settings) if tiny else settings, (), seeds, only, find=True)

    path = Path(what)
    if not _names_a_file(path):
        _check_not_a_configuration(path)
        if only:
            raise ConfigError("--only: chooses systems of a configuration; a STRATEGY has one beside its teacher")
        settings = one_strategy(what, corpus or "sample", scheme, offsets)
        return built(settings, [])
    settings = settings_in(path)
    systems = overridden(settings, overrides).get("systems")
    return built(settings, values(only, lambda text: text in (systems or {})))


def _names_a_file(path: Path) -> bool:
    try:
        return path.suffix in CONFIG_SUFFIXES or path.is_file()
    except OSError:  # a strategy in its textual form may be longer than the name of any file
        return False


def _check_not_a_configuration(path: Path) -> None:
    """Refuse a strategy that reads like the name of a configuration without its suffix."""
    from finkd.experiments.configuration.shipped import suggestion
    from finkd.strategies import strategies

    if len(path.name) > _LONGEST_NAME or ">" in path.name or str(path) in strategies:
        return
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder; name a configuration file, or a strategy of 'finkd list strategies'")
    for found in (Path(f"{path}{suffix}") for suffix in CONFIG_SUFFIXES):
        if found.is_file():
            raise ConfigError(f"{path}: is no strategy; did you mean the configuration {found}?")
    if suggested := suggestion(path):
        raise ConfigError(f"{path}: is no strategy{suggested}")


def _show_plan(experiment: Experiment, folder: Path, *, json: bool) -> None:
    from finkd.experiments.running.plan import plan
    from finkd.experiments.running.prepared import Prepared
    from finkd.experiments.running.run import folder_settings

    prepared = Prepared(experiment, store_beside(folder))
    folder_settings(folder, prepared)
    stages = plan(prepared)
    for note in prepared.notes():
        say(f"finkd: {note}")
    _show_stages(stages, json=json)


def _show_stages(stages: list[Planned], *, json: bool) -> None:
    from finkd.experiments.console.progress import duration

    if json:
        show_json([dataclasses.asdict(stage) for stage in stages])
        return
    for (seed, system), members in groupby(stages, lambda stage: (stage.seed, stage.system)):
        typer.echo(f"{system} (seed {seed})")
        for stage in members:
            about = f", about {duration(stage.seconds)}" if stage.seconds else ""
            typer.echo(f"  {stage.stage:<24} {stage.state}{about}")
    left = [stage for stage in stages if stage.state == "to do"]
    seconds, peak = sum(stage.seconds for stage in left), max((stage.bytes for stage in left), default=0)
    memory = f", and up to about {peak / 1e9:.1f} GB of memory beside the program's own" if peak else ""
    are = "is" if len(stages) == 1 else "are"
    disk = f"; about {written / 1e9:.1f} GB to write" if (written := sum(stage.disk for stage in left)) else ""
    say(f"{len(left)} of {counted(len(stages), 'stage')} {are} to do: about {duration(seconds)}{memory}{disk}")
