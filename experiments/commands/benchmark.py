"""``finkd benchmark``: measure taggers in several runtimes, side by side."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from finkd.corpora.errors import UnknownNameError
from finkd.corpora.registry import unknown
from finkd.experiments.console.options import Json, Split, Threads, finite, named, refuse_idle, values
from finkd.experiments.console.terminal import say, show_json, show_tables

DEFAULT = "eager,bf16,onnx,onnx-int8"


def benchmark(
    context: typer.Context,
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="Folders of taggers, or NAME=FOLDER,FOLDER.")],
    runtimes: Annotated[
        list[str] | None, typer.Option(help=f"Names of 'finkd list runtimes'. (default: {DEFAULT})")
    ] = None,
    corpus: Annotated[str, typer.Option(help="Labelled corpus whose sentences are read.")] = "sample",
    split: Split = None,
    queries: Annotated[int, typer.Option(min=1, help="Least number of timed queries of each model.")] = 1024,
    seconds: Annotated[
        float, typer.Option(min=0, callback=finite, help="Least time that each model is run for each figure.")
    ] = 10,
    memory: Annotated[bool, typer.Option(help="Measure peak memory, in a process for each.")] = True,
    out: Annotated[Path, typer.Option(help="Folder for records and tables.")] = Path("runs/benchmark"),
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Measure size, latency, throughput, memory and energy; the first model in the first runtime is the reference.

    A folder may hold a pipeline of spaCy, too. Models take turns, so that ratios hold on a machine that does other
    work; times do not.

    Example: finkd benchmark teacher=runs/quickstart/models/teacher-seed-1 --runtimes eager,onnx-int8 --seconds 1
    """
    given = named("benchmark", models)
    folders_of = {name: values([folders], lambda path: Path(path).exists()) for name, folders in given.items()}
    kinds = list(dict.fromkeys(values(runtimes or [DEFAULT])))

    from finkd.experiments.configuration.splits import load_split
    from finkd.export.loading import find_tagger
    from finkd.models.lookup import is_spacy_pipeline
    from finkd.runtimes import runtimes as known

    # Names are checked before anything slow is imported.
    for kind in kinds:
        if kind not in known:
            raise UnknownNameError(unknown("runtimes", kind, known))
    for folder in (folder for folders in folders_of.values() for folder in folders):
        if not is_spacy_pipeline(Path(folder)):
            find_tagger(folder)
    data, split = load_split(corpus, split)

    from finkd.experiments.benchmarking.benchmark import Measuring
    from finkd.experiments.benchmarking.benchmark import benchmark as measured
    from finkd.reports.benchmark import benchmark_table
    from finkd.reports.build import build

    if all(is_spacy_pipeline(Path(folder)) for folders in folders_of.values() for folder in folders):
        refuse_idle(context, "for pipelines of spaCy, which run in their own", "runtimes")
    records = measured(folders_of, kinds, data, out, split, Measuring(queries, seconds, memory), say)
    build([], out, benchmark=records)
    if json:
        show_json([dataclasses.asdict(record) for record in records])
        return
    show_tables([benchmark_table(records)])
    say(f"records and tables are in {out}")
