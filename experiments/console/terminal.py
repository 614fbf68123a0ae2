"""Print results on standard output, and everything else on standard error."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import typer
from rich.console import Console
from rich.table import Table as Ruled
from rich.text import Text

from finkd.machine.threads import busy_warning, use_quota

if TYPE_CHECKING:
    from finkd.reports.table import Table

results = Console(highlight=False)
messages = Console(stderr=True, highlight=False, soft_wrap=True)

_ENVIRONMENT = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "true",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
}


_LOOK_SECONDS = 0.1
_BUSY_PERCENT = 25


def prepare_libraries() -> None:
    """Silence third-party bars and reports, and keep threads from spinning on a busy machine.

    What the user set stays. Libraries read these settings when they are imported, so this comes first. An OpenMP thread
    that waits for the others spins by default, for milliseconds: beside another program on the same cores it keeps
    those from running that it waits for (benchmarks/contention.py). On a quiet machine spinning is faster
    (docs/log.md). Neither changes a result.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    use_quota()
    # The load average remembers a run of a minute ago; a look at the processor tells whether other programs run now.
    if busy_warning() and psutil.cpu_percent(_LOOK_SECONDS) > _BUSY_PERCENT:
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def open_missing_streams() -> None:
    """Open streams that whoever started this process has closed: nothing comes in, and what goes out is dropped."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - for good


def escape_unprintable() -> None:
    r"""Write characters that an output cannot encode as escapes, such as ``\xe9``, instead of failing on them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class _Messages(logging.Handler):
    """Prints each log record as one line on standard error, and no warning twice."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print it, unless it is a warning that was printed before."""
        message = " ".join(record.getMessage().split("\n"))
        if record.levelno == logging.WARNING:
            if message in self._said:
                return
            self._said.add(message)
            message = f"warning: {message}"
        say(f"finkd: {message}")


def show_messages() -> None:
    """Print what finkd's packages log: errors, warnings and messages at INFO."""
    logger = logging.getLogger("finkd")
    logger.setLevel(logging.INFO)
    logger.handlers = [_Messages(), *(each for each in logger.handlers if not isinstance(each, _Messages))]


def say(message: str) -> None:
    """Print one line for people, at once."""
    messages.print(Text(message))


def show_json(value: Any) -> None:
    """Print a result for programs."""
    typer.echo(json.dumps(value, indent=1))


def show_tables(tables: Iterable[Table]) -> None:
    """Print tables of a report: ruled on a terminal, Markdown elsewhere."""
    if results.is_terminal:
        for table in tables:
            results.print(_ruled(table))
    else:
        from finkd.reports.formats.markdown import document

        typer.echo(document(tables), nl=False)


def visible(text: str) -> str:
    """Return a text without the control characters that a terminal would obey."""
    return "".join(c if c.isprintable() or c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _ruled(table: Table) -> Ruled:
    columns, rows = table.for_readers()
    ruled = Ruled(title=Text(table.title), caption=Text(table.caption), title_justify="left", caption_justify="left")
    for column in columns:
        ruled.add_column(Text(column.heading), justify=column.align)
    for row in rows:
        ruled.add_row(*(Text(cell.text, style="bold" if cell.strong else "") for cell in row))
    return ruled
