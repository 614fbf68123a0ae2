"""``finkd compress``: make a saved model smaller by one method, and score it before and after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finkd.corpora.errors import ConfigError, UnknownNameError
from finkd.corpora.registry import unknown
from finkd.experiments.configuration.layout import RUNS
from finkd.experiments.console.options import Json, Overrides, Threads, refuse_idle
from finkd.experiments.console.terminal import messages, say, show_json, show_tables
from finkd.experiments.extras import check_extra

if TYPE_CHECKING:
    from finkd.experiments.running.compression import Compressed
    from finkd.reports.table import Table

METHODS = {
    "prune": "compress:prune",
    "factorize": "compress:factorize",
    "decompose": "compress:decompose",
    "tensorize": "compress:tensorize",
    "tie-layers": "compress:tie-layers",
    "sparsify": "compress:sparsify",
    "quantize": "compress:quantize",
    "trim-vocabulary": "replace-vocabulary(start=trim)",
}


def compress(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Folder of the model, such as runs/NAME/models/SYSTEM-seed-1.")],
    method: Annotated[str, typer.Option(help=f"One of {', '.join(METHODS)}.")],
    corpus: Annotated[
        str | None, typer.Option(help="Labelled corpus that methods and --heal learn from, and that scores the model.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Unlabelled text, for stages that read some.")] = None,
    sentences: Annotated[int, typer.Option(min=1, help="How many of its sentences.")] = 3000,
    heal: Annotated[
        str | None,
        typer.Option(
            metavar="STRATEGY",
            help="Train the smaller model afterwards by these stages, with the larger one as its teacher.",
        ),
    ] = None,
    overrides: Overrides = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the new model. (default: runs/compressed/MODEL-METHOD)")
    ] = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Make a model smaller: fewer heads, units, layers, tokens or bits, zeros, low ranks, shared layers.

    --set takes the settings of the method's stage (see 'finkd schema'). With a corpus, the model is scored before and
    after.

    Example: finkd compress runs/quickstart/models/teacher-seed-1 --method prune --set fraction=0.3 --corpus sample
    """
    if method not in METHODS:
        raise UnknownNameError(unknown("methods", method, list(METHODS)))
    if heal and not corpus:
        raise ConfigError("--heal: needs a labelled corpus; name it with --corpus")
    if not text:
        refuse_idle(context, "without --text", "sentences")

    if method == "tensorize":
        check_extra("compress")

    from finkd import corpora
    from finkd.corpora.files import check_replaceable
    from finkd.experiments.configuration.splits import with_train
    from finkd.models.pretrained import resolve

    source = resolve(model).resolve()
    out = out or RUNS / "compressed" / f"{source.name}-{method}"
    check_replaceable(out, source, text, corpus)  # before what takes seconds to import
    data = with_train(corpora.load(corpus)) if corpus else None

    from finkd.experiments.console.progress import shown
    from finkd.experiments.running.compression import compress

    with shown(messages) as listen:
        found = compress(
            model,
            METHODS[method],
            out,
            overrides=overrides or [],
            heal=heal,
            data=data,
            text=text,
            sentences=sentences,
            seed=seed,
            listen=listen,
        )
    if json:
        show_json({name: each.figures() for name, each in found.items()})
        return
    show_tables([_table(method, found)])
    say(f"the model is in {found['after'].folder}")


def _table(method: str, found: dict[str, Compressed]) -> Table:
    from finkd.reports.table import Column, Field, Table, label, number

    def f1(model: Compressed) -> float | None:
        return None if model.scores is None else model.scores.micro.f1

    columns: list[Field[str]] = [
        (Column("model", "", "left"), label),
        (Column("parameters", "Params (M)"), lambda name: number(found[name].resources.parameters, 2, scale=1e6)),
        (Column("bytes", "Size (MB)"), lambda name: number(found[name].resources.bytes, 1, scale=1e6)),
        (Column("packed", "Packed (MB)"), lambda name: number(found[name].packed, 1, scale=1e6)),
        (Column("f1", "Micro-F1"), lambda name: number(f1(found[name]), 3)),
    ]
    notes = ("Packed: without zeros and unused bits, where there are some.",)
    return Table.of("compressed", f"{method}: before and after", None, notes, columns, found)
