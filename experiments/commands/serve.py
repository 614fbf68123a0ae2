"""``finkd serve``: a tagger over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpora.errors import UnavailableError
from experiments.commands.predict import Precision
from experiments.terminal import say

_CONNECTIONS = 1024
"""Open at once; above that uvicorn answers 503. Far more than may wait, who are told 429 by the service."""
LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


def serve(
    model: Annotated[str, typer.Argument(help="Folder of the tagger, or of its ONNX graph.")],
    host: Annotated[str, typer.Option(help="Where to listen; the default is this machine alone.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    threads: Annotated[int | None, typer.Option(min=1, help="Of the tagger. (default: all cores)")] = None,
    precision: Annotated[
        Precision, typer.Option(help="Of PyTorch: auto is bf16 where the processor multiplies it itself.")
    ] = "auto",
    texts: Annotated[int, typer.Option(min=1, help="Most texts of a request.")] = 256,
    characters: Annotated[int, typer.Option(min=1, help="Most characters of a request.")] = 200_000,
    seconds: Annotated[float, typer.Option(min=0.1, help="Longest time that a request may take.")] = 30,
) -> None:
    """Find entities over HTTP: POST /tag with {"texts": ["..."]}; a page to try it at /, the rest in /openapi.json.

    There is no password: put it behind something that asks for one before other machines may reach it.

    Example: finkd serve runs/quickstart/models/teacher-seed-1
    """
    import socket

    import torch
    import uvicorn

    from experiments.service.app import Limits, make_app
    from experiments.service.connections import closing_after
    from finkd.shipping.loading import load_tagger

    if threads:
        torch.set_num_threads(threads)
    tagger = load_tagger(model, threads, precision)
    limits = Limits(texts=texts, characters=characters, seconds=seconds)
    hosts = LOOPBACK if host in LOOPBACK else ("*",)
    app = make_app(tagger, Path(model).name, limits, hosts)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, port), family=family, backlog=_CONNECTIONS)
    except OSError as error:
        raise UnavailableError(f"{host}:{port}: cannot listen there ({error.strerror}); try another --port") from error
    with bound:
        place = f"[{host}]" if ":" in host else host
        say(f"serving {model} at http://{place}:{bound.getsockname()[1]}/ (Ctrl-C ends it)")
        config = uvicorn.Config(
            app,
            http=closing_after(seconds),
            ws="none",
            log_level="warning",
            access_log=False,
            timeout_keep_alive=10,
            limit_concurrency=_CONNECTIONS,
        )
        uvicorn.Server(config).run([bound])
