"""``finkd serve``: taggers over HTTP."""

from __future__ import annotations

import contextlib
import logging
import re
from typing import Annotated

import typer

from finkd.corpora.errors import ConfigError, UnavailableError
from finkd.experiments.console.loopback import is_loopback
from finkd.experiments.console.options import Precision, Threads, finite, named, refuse_idle
from finkd.experiments.extras import check_extra
from finkd.machine.threads import share_of_threads

log = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def serve(
    context: typer.Context,
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL...", help="Folders of taggers, or of their ONNX graphs; NAME=FOLDER names one."),
    ],
    host: Annotated[str, typer.Option(help="Where to listen; the default is this machine alone.")] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Host name to answer to beside this machine's own, such as a proxy's; may be repeated. (default: any, "
            "unless --host is this machine alone)",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    threads: Threads = None,
    precision: Precision = "auto",
    dynamic_batching: Annotated[
        bool,
        typer.Option(
            "--dynamic-batching",
            help="Tag short requests that wait in the same batches: more answers a second under load. Results in bf16, "
            "and in 8 bits without --calibrate, then depend slightly on other requests.",
        ),
    ] = False,
    texts: Annotated[int, typer.Option(min=1, help="Most texts of a request.")] = 256,
    characters: Annotated[int, typer.Option(min=1, help="Most characters of a request.")] = 200_000,
    tokens: Annotated[
        int | None, typer.Option(min=1, help="Most tokens of a request. (default: as many as characters)")
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, callback=finite, help="Longest time that a request may take.")
    ] = 30,
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
        float,
        typer.Option(
            min=0.1, callback=finite, help="A client that takes nothing of its answer for so long is cut off."
        ),
    ] = 10,
    shutdown_seconds: Annotated[
        float, typer.Option(min=0.1, callback=finite, help="Requests in work may take so long after SIGTERM or Ctrl-C.")
    ] = 5,
    json_log: Annotated[
        bool, typer.Option("--json-log", help="Log as lines of JSON, one for each request, without its texts.")
    ] = False,
) -> None:
    """Find entities over HTTP: POST /tag with {"texts": ["..."]}; a page to try it at /, the rest in /openapi.json.

    Several models are served under /models/NAME; the first one also answers where none is named. Label Studio takes
    http://HOST:PORT/label-studio as a machine-learning backend.

    There is no password: put it behind something that asks for one before other machines may reach it, and name its
    host with --allow-host.

    Example: finkd serve runs/quickstart/models/teacher-seed-1
    """
    check_extra("serve")
    if not host:
        raise ConfigError("--host: expected a name or an address, such as 127.0.0.1 (got none)")
    from finkd.export.loading import find_tagger

    folders = named("serve", models)
    for name, folder in folders.items():
        find_tagger(folder)  # before what takes seconds to import
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"serve: {name!r} cannot stand in an address; write NAME={folder} with letters and digits"
            )

    from finkd.experiments.service.app import app_of
    from finkd.experiments.service.connections import Server, allow_connections, listen
    from finkd.experiments.service.limits import MEGABYTE, Limits
    from finkd.experiments.service.logs import log_as_json
    from finkd.experiments.service.process import TaggerProcess, TaggerSource
    from finkd.models.lookup import is_graph

    if all(map(is_graph, folders.values())):
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
    if json_log:
        log_as_json()
    allow_connections(connections)
    try:
        bound = listen(host, port)
    except OSError as error:
        raise UnavailableError(f"{host}:{port}: cannot listen there ({error.strerror}); try another --port") from error
    with bound, contextlib.ExitStack() as workers:
        share = threads if len(folders) == 1 else share_of_threads(len(folders))
        started = []
        for name, folder in folders.items():
            source = TaggerSource(name, folder, share, precision, dynamic_batching)
            started.append(TaggerProcess(source, limits, json_log))
            workers.callback(started[-1].close)
        place = f"[{host}]" if ":" in host else host
        address = f"http://{place}:{bound.getsockname()[1]}/"
        log.info("serving %s at %s (Ctrl-C ends it)", ", ".join(folders.values()), address)
        for name in folders if len(folders) > 1 else ():
            log.info("%s is at %smodels/%s/tag", name, address, name)
        hosts = allow_host or (() if is_loopback(host) else ("*",))
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises the signal again after it has ended in order
            Server(app_of(started, limits, tuple(hosts)), limits).run([bound])
