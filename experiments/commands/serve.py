"""``finkd serve``: a tagger over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finkd.corpora.errors import UnavailableError
from finkd.experiments.commands.predict import Precision
from finkd.experiments.console.options import refuse_idle
from finkd.experiments.console.terminal import say
from finkd.experiments.console.threads import Threads

LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


def serve(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Folder of the tagger, or of its ONNX graph.")],
    host: Annotated[str, typer.Option(help="Where to listen; the default is this machine alone.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    threads: Threads = None,
    precision: Annotated[
        Precision, typer.Option(help="Of PyTorch: auto is bf16 where the processor multiplies it itself.")
    ] = "auto",
    texts: Annotated[int, typer.Option(min=1, help="Most texts of a request.")] = 256,
    characters: Annotated[int, typer.Option(min=1, help="Most characters of a request.")] = 200_000,
    tokens: Annotated[
        int | None, typer.Option(min=1, help="Most tokens of a request. (default: as many as characters)")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Longest time that a request may take.")] = 30,
    megabytes: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Of all requests and answers at once; one answer may take a quarter. "
            "(default: 128, or eight of the largest requests)",
        ),
    ] = None,
    connections: Annotated[int, typer.Option(min=1, help="Open at once.")] = 512,
    stall_seconds: Annotated[
        float, typer.Option(min=0.1, help="A client that takes nothing of its answer for so long is cut off.")
    ] = 10,
    shutdown_seconds: Annotated[
        float, typer.Option(min=0.1, help="Requests in work may take so long after SIGTERM or Ctrl-C.")
    ] = 5,
) -> None:
    """Find entities over HTTP: POST /tag with {"texts": ["..."]}; a page to try it at /, the rest in /openapi.json.

    There is no password: put it behind something that asks for one before other machines may reach it.

    Example: finkd serve runs/quickstart/models/teacher-seed-1
    """
    from finkd.export.loading import find_tagger

    find_tagger(model)  # before what takes seconds to import

    from finkd.experiments.service.app import app_of
    from finkd.experiments.service.connections import Server, allow_connections, listen
    from finkd.experiments.service.limits import MEGABYTE, Limits
    from finkd.experiments.service.process import TaggerProcess, TaggerSource
    from finkd.models.lookup import is_graph

    if is_graph(model):
        refuse_idle(context, "with an ONNX graph", "precision")
    limits = Limits(
        texts=texts,
        characters=characters,
        tokens=tokens,
        seconds=seconds,
        memory=megabytes and megabytes * MEGABYTE,
        connections=connections,
        stall_seconds=stall_seconds,
        shutdown_seconds=shutdown_seconds,
    )
    allow_connections(connections)
    try:
        bound = listen(host, port)
    except OSError as error:
        raise UnavailableError(f"{host}:{port}: cannot listen there ({error.strerror}); try another --port") from error
    with bound:
        worker = TaggerProcess(TaggerSource(model, threads, precision), limits)
        try:
            place = f"[{host}]" if ":" in host else host
            say(f"serving {model} at http://{place}:{bound.getsockname()[1]}/ (Ctrl-C ends it)")
            app = app_of(worker, Path(model).name, limits, LOOPBACK if host in LOOPBACK else ("*",))
            Server(app, limits).run([bound])
        finally:
            worker.close()
