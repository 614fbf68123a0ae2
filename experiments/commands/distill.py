"""``finkd distill``: a small tagger from any finished one and raw text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from finkd.corpora.errors import ConfigError, located
from finkd.experiments.console.options import Json, Overrides, Threads, refuse_idle, values
from finkd.experiments.console.terminal import messages, say, show_json, show_tables

if TYPE_CHECKING:
    from finkd.records import RunRecord
    from finkd.reports.table import Table


def distill(
    context: typer.Context,
    teacher: Annotated[
        str,
        typer.Option(help="The big tagger: a folder or hub id of transformers, spacy:NAME, gliner:NAME, or a file."),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the small tagger.")],
    text: Annotated[
        str | None,
        typer.Option(help="Raw text, by name or path; sentences of 5 to 60 words count. Predictions may stand for it."),
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option(metavar="THEIRS=OURS", help="A type of the teacher, and what to call it; O drops it. Repeatable."),
    ] = None,
    scheme: Annotated[
        Literal["IO", "IOB1", "IOB2", "BIOES"] | None,
        typer.Option(help="How the teacher's labels are read. (default: what they look like)"),
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="Model that the small one begins as. (default: all-MiniLM-L6-v2)")
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(help="Stages. (default: truncate-layers > task-distill:text, and :gold with a corpus)"),
    ] = None,
    vocab_size: Annotated[
        int | None,
        typer.Option(min=1, help="Tokens of a vocabulary of its own, trained on the text. (default: the start's)"),
    ] = None,
    overrides: Overrides = None,
    sentences: Annotated[int, typer.Option(min=4, help="How many sentences of the text to read.")] = 24_000,
    held_out: Annotated[int, typer.Option(min=1, help="How many more to score the small tagger on.")] = 1_000,
    corpus: Annotated[str | None, typer.Option(help="Labelled corpus, if there is one: read and scored.")] = None,
    split: Annotated[str | None, typer.Option(help="Its split. (default: test, or else validation)")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 1,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Distil a big tagger of any kind into a small one: raw text is enough, no labelled corpus is needed.

    The small tagger is scored on text that it has not read against the teacher's own tags. --set takes settings of
    stages, such as task-distill:text.schedule.epochs=4.

    Example: finkd distill --teacher runs/quickstart/models/teacher-seed-1 --text sample-text --out runs/small
    """
    if not corpus:
        refuse_idle(context, "without --corpus", "split")
    if strategy:
        refuse_idle(context, "with --strategy, which names its stages: add 'replace-vocabulary(size=N)'", "vocab_size")

    pairs = _pairs(labels)

    from finkd.corpora.files import check_replaceable
    from finkd.corpora.loading import check_exists
    from finkd.models.pretrained import DEFAULT, resolve
    from finkd.teachers import check_found, kind_of

    check_found(teacher)  # before what takes seconds to import
    check_replaceable(out, kind_of(teacher)[1], resolve(start or DEFAULT), text, corpus)
    for name in filter(None, (text, corpus)):
        check_exists(name)

    from finkd import corpora
    from finkd.experiments.configuration.splits import with_train
    from finkd.experiments.console.progress import shown
    from finkd.experiments.running.distillation import distill

    data = with_train(corpora.load(corpus)) if corpus else None
    with shown(messages) as listen:
        records = distill(
            teacher,
            out,
            text=text,
            labels=pairs,
            scheme=scheme,
            start=start or DEFAULT,
            strategy=strategy,
            vocab_size=vocab_size,
            stages=_settings(overrides or []),
            sentences=sentences,
            held_out=held_out,
            data=data,
            split=split,
            seed=seed,
            listen=listen,
        )
    if json:
        show_json([record.figures for record in records])
        return
    show_tables([_table(records)])
    say(f"the tagger is in {out}")


def _pairs(labels: list[str] | None) -> dict[str, str]:
    """Return the types of the teacher with what to call them.

    Raises:
        ConfigError: if one is no pair.
    """
    found = {}
    for each in values(labels):
        theirs, equals, ours = each.partition("=")
        if not (theirs and equals and ours):
            raise ConfigError(f"--labels: expected a type of the teacher and what to call it, MISC=O (got {each!r})")
        found[theirs] = ours
    return found


def _settings(overrides: list[str]) -> dict[str, Any]:
    """Settings of stages, with or without 'stages.' in front of them.

    Raises:
        ConfigError: if one is of no stage.
    """
    from finkd.experiments.configuration.reading import overridden
    from finkd.strategies.parsing import parse

    given = overridden({}, overrides)
    found: dict[str, Any] = {**given.pop("stages", {}), **given}
    for name in found:
        with located(f"--set (STAGE.KEY=VALUE): {name}"):
            parse(name, found)
    return found


def _table(records: list[RunRecord]) -> Table:
    from finkd.reports.table import Column, Field, Table, label, number

    def against(record: RunRecord) -> str:
        return "the teacher's tags" if record.split == "held-out" else f"gold, {record.corpus} {record.split}"

    columns: list[Field[RunRecord]] = [
        (Column("system", "", "left"), lambda record: label(record.system)),
        (Column("against", "Against", "left"), lambda record: label(against(record))),
        (Column("f1", "Micro-F1"), lambda record: number(record.scores.micro.f1, 3)),
        (Column("gold", "Entities"), lambda record: number(record.scores.micro.gold)),
        (Column("parameters", "Params (M)"), lambda record: number(record.resources.parameters, 2, scale=1e6)),
        (Column("bytes", "Size (MB)"), lambda record: number(record.resources.bytes, 1, scale=1e6)),
        (Column("latency", "p50 (ms)"), lambda record: number(record.resources.latency_ms.get("p50"), 2)),
    ]
    busy = any(record.resources.machine_busy for record in records)
    notes = ["Measured while other work ran on the machine: the latency is not comparable."] if busy else []
    return Table.of("distilled", "The small tagger", None, notes, columns, records)
