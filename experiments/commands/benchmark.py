"""``finkd benchmark``: what taggers take to run, in several runtimes, side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finkd.corpora.errors import ConfigError, UnknownNameError
from finkd.corpora.registry import unknown
from finkd.experiments.console.options import refuse_idle
from finkd.experiments.console.terminal import say, show_json, show_tables
from finkd.experiments.console.threads import Threads

if TYPE_CHECKING:
    from finkd.corpora.corpus import NerData

DEFAULT = "eager,bf16,onnx,onnx-int8"


def benchmark(
    context: typer.Context,
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL...", help="Folders of taggers; NAME=FOLDER,FOLDER names one and its seeds."),
    ],
    runtimes: Annotated[str, typer.Option(help="Names of 'finkd list runtimes', with commas.")] = DEFAULT,
    on: Annotated[
        str, typer.Option("--on", metavar="CORPUS", help="Labelled corpus whose sentences are read.")
    ] = "sample",
    split: Annotated[str | None, typer.Option(help="Its split. (default: test, or else validation)")] = None,
    queries: Annotated[int, typer.Option(min=1, help="Timed queries of each, at least.")] = 1024,
    seconds: Annotated[float, typer.Option(min=0, help="That each works, at least, for each figure.")] = 10,
    memory: Annotated[bool, typer.Option(help="Measure peak memory, in a process for each.")] = True,
    out: Annotated[Path, typer.Option(help="Folder for records and tables.")] = Path("runs/benchmark"),
    threads: Threads = None,
    json: Annotated[bool, typer.Option("--json", help="Print the records as JSON.")] = False,
) -> None:
    """Measure size, latency, throughput, memory and energy; the first model in the first runtime is the reference.

    A folder may hold a pipeline of spaCy, too. Everything takes turns, so that ratios hold on a machine that does other
    work; times do not.

    Example: finkd benchmark teacher=runs/quickstart/models/teacher-seed-1 --runtimes eager,onnx-int8 --seconds 1
    """
    named: dict[str, list[str]] = {}
    for each in models:
        name, equals, folders = each.partition("=")
        if (name if equals else Path(each).name) in named:
            raise ConfigError(f"benchmark: two models are called {name!r}; write NAME=FOLDER")
        named |= {name: folders.split(",")} if equals else {Path(each).name: [each]}
    kinds = list(dict.fromkeys(kind.strip() for kind in runtimes.split(",")))
    data = _checked(named, kinds, on)

    from finkd.experiments.benchmarking.benchmark import Measuring
    from finkd.experiments.benchmarking.benchmark import benchmark as measured
    from finkd.reports.benchmark import write_benchmark
    from finkd.runtimes.peers import is_pipeline

    if all(is_pipeline(Path(folder)) for folders in named.values() for folder in folders):
        refuse_idle(context, "for pipelines of spaCy, which run in their own", "runtimes")
    records = measured(named, kinds, data, out, split, Measuring(queries, seconds, memory), say)
    table = write_benchmark(records, out)
    if json:
        show_json([dataclasses.asdict(record) for record in records])
        return
    show_tables([table])
    say(f"records and tables are in {out}")


def _checked(named: Mapping[str, Sequence[str]], kinds: Sequence[str], on: str) -> NerData:
    """The corpus, once every name is known to stand for something: importing what measures takes seconds."""
    from finkd import corpora
    from finkd.export.loading import find_tagger
    from finkd.runtimes import runtimes

    for kind in kinds:
        if kind not in runtimes:
            raise UnknownNameError(unknown("runtimes", kind, runtimes))
    for folder in chain.from_iterable(named.values()):
        if not (Path(folder) / "config.cfg").is_file():  # a pipeline of spaCy
            find_tagger(folder)
    return corpora.load(on)
