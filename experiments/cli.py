"""The ``finkd`` command: its commands, and how errors are shown."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from inspect import cleandoc
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import finkd
from finkd.corpora.errors import ConfigError, FinkdError, UnavailableError, UnknownNameError
from finkd.experiments.commands.benchmark import benchmark
from finkd.experiments.commands.compress import compress
from finkd.experiments.commands.distill import distill
from finkd.experiments.commands.doctor import doctor
from finkd.experiments.commands.errors import errors
from finkd.experiments.commands.evaluate import evaluate
from finkd.experiments.commands.export import export
from finkd.experiments.commands.human_eval import human_eval
from finkd.experiments.commands.init import init
from finkd.experiments.commands.listing import list_names
from finkd.experiments.commands.predict import predict
from finkd.experiments.commands.push import push
from finkd.experiments.commands.report import report
from finkd.experiments.commands.run import run
from finkd.experiments.commands.schema import schema
from finkd.experiments.commands.serve import serve
from finkd.experiments.commands.store import store
from finkd.experiments.commands.teachers import teachers
from finkd.experiments.commands.tokenizers import align, analyze, vocab
from finkd.experiments.commands.tune import dashboard, tune
from finkd.experiments.console.options import FORMER_OPTIONS
from finkd.experiments.console.terminal import (
    escape_unprintable,
    open_missing_streams,
    prepare_libraries,
    say,
    show_messages,
)
from finkd.experiments.extras import advice

DONE, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130
_VARIABLES = ("FINKD_", "HF_", "XDG_CACHE_HOME")
_GOES_ON = "; finished stages are kept, and the same command goes on from there"
_KEPT = {"run": "", "tune": "", "distill": "", "compress": "", "evaluate": "--suite", "predict": "--out"}
"""Commands that go on where they were -> the option without which they do not."""
_SEPARATORS = re.compile("([=,])")


class Commands(TyperGroup):
    """The commands as a group that reports every error in one line (a list of errors: one line each)."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """Run a command and leave the process with 0 (done), 1 (failed) or 2 (bad usage)."""
        _leave(super().main, args, *rest, **options)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command whose help is broken where the terminal ends, not where its docstring's lines do."""
        command = super().get_command(ctx, cmd_name)
        if command is not None and command.help:
            command.help = "\n\n".join(" ".join(each.split()) for each in cleandoc(command.help).split("\n\n"))
        return command


class Script(TyperCommand):
    """A script with one command, whose errors are reported likewise."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """Run it and leave the process with 0 (done), 1 (failed) or 2 (bad usage)."""
        _leave(super().main, args, *rest, **options)


def _leave(work: Callable[..., Any], args: Sequence[str] | None, *rest: Any, **options: Any) -> None:
    open_missing_streams()
    escape_unprintable()
    prepare_libraries()
    show_messages()
    given, is_debug = without_debug(sys.argv[1:] if args is None else list(args))
    try:
        _check_encoding(given)
        with _sigterm_as_ctrl_c():
            code = work(given, *rest, **{**options, "standalone_mode": False})
            sys.stdout.flush()
        if code == INTERRUPTED:
            _complain(f"interrupted{_GOES_ON if _is_kept(given) else ''}")
    except BrokenPipeError:
        # The reader of the output has gone; Python must not report what is still buffered at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FAILED
    except Exception as error:
        if is_debug and not isinstance(error, typer.TyperException):
            raise
        code = _explain(error, given)
    sys.exit(code or DONE)


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM, by which containers and batch systems end a program, interrupt the block as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _is_kept(given: Sequence[str]) -> bool:
    """Return whether an interrupted command, or script of a strategy, goes on where it was."""
    option = _KEPT.get(given[0]) if given and not given[0].startswith("-") else ""
    return option is not None and (not option or any(each.partition("=")[0] == option for each in given))


def _check_encoding(arguments: Sequence[str]) -> None:
    """Refuse arguments and environment variables with bytes that the system's encoding cannot read.

    Raises:
        ConfigError: with the first argument, or environment variable that finkd reads, that has some.
    """
    variables = {name: value for name, value in os.environ.items() if name.startswith(_VARIABLES)}
    given = [("argument", value) for value in arguments]
    for what, value in [*given, *((f"environment variable {name}", value) for name, value in variables.items())]:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            shown = value.encode(errors="backslashreplace").decode().replace("\\udc", "\\x")
            raise ConfigError(
                f"{what} '{shown}': character {error.start + 1} is a byte that is not {sys.getfilesystemencoding()}; "
                "write it in UTF-8, or rename the file"
            ) from error


def without_debug(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """Remove ``--debug`` from a command line, wherever it stands before ``--``; return whether it was there."""
    end = list(arguments).index("--") if "--" in arguments else len(arguments)
    options = [argument for argument in arguments[:end] if argument != "--debug"]
    return [*options, *arguments[end:]], len(options) < end


def _explain(error: Exception, given: Sequence[str]) -> int:
    """Report the error of a command of these arguments; return the exit code."""
    if isinstance(error, typer.TyperException):
        message = error.format_message().replace("Value error, ", "").rstrip(".")
        context = getattr(error, "ctx", None)
        new = FORMER_OPTIONS.get(former := getattr(error, "option_name", ""))
        if new and context and any(new in parameter.opts for parameter in context.command.params):
            message = f"No such option: {former}; its name is {new} now"
        if message:  # it is empty where the help was shown instead
            command = context.command_path if context else "finkd"
            _complain(f"{message} (see '{command} --help')")
        return BAD_USAGE
    if isinstance(error, FinkdError):
        _complain(str(error))
        if isinstance(error, UnavailableError):
            _suggest(error, given)
        return BAD_USAGE if isinstance(error, ConfigError | UnknownNameError) else FAILED
    if isinstance(error, ModuleNotFoundError) and (missing := advice(error)):
        _complain(f"{given[0] if given else 'finkd'}: {missing}")
        return FAILED
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        _complain(f"{where}{error.strerror or error}")
        return FAILED
    first = (str(error).strip() or "no message").splitlines()[0]
    _complain(f"{type(error).__name__}: {first} (this is a defect of finkd; 'finkd --debug ...' shows where)")
    return FAILED


def _suggest(error: UnavailableError, given: Sequence[str]) -> None:
    """Show the same command with each of the names that could stand in the place of the wrong one."""
    commands = {instead: _replaced(given, error.given, instead) for instead in error.instead}
    for instead, command in commands.items():
        _complain(f"  {shlex.join(['finkd', *command])}" if command != list(given) else f"  {instead}")


def _replaced(arguments: Sequence[str], name: str, instead: str) -> list[str]:
    """Arguments in which a name, alone or in a list such as NAME=FOLDER,FOLDER, is another one."""

    def replaced(part: str) -> str:
        return instead if part and Path(part) == Path(name) else part

    return ["".join(map(replaced, _SEPARATORS.split(argument))) for argument in map(replaced, arguments)]


def _complain(text: str) -> None:
    for line in text.splitlines():
        say(f"finkd: {line}")


app = typer.Typer(
    cls=Commands,
    name="finkd",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"finkd {finkd.__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; may stand anywhere in the command.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Distil a big encoder into a small, fast financial NER model with its own vocabulary.

    Example: finkd run quickstart
    """


app.command()(run)
app.command()(init)
app.command()(doctor)
app.command()(analyze)
app.command()(vocab)
app.command()(align)
app.command("list")(list_names)
app.command()(schema)
app.command()(teachers)
app.command()(tune)
app.command()(dashboard)
app.command()(evaluate)
app.command()(errors)
app.command()(benchmark)
app.command()(compress)
app.command()(distill)
app.command()(export)
app.command()(predict)
app.command()(serve)
app.command()(push)
app.command()(report)
app.add_typer(human_eval, name="human-eval")
app.add_typer(store, name="store")


def main() -> None:
    """Entry point of the ``finkd`` command."""
    app()
