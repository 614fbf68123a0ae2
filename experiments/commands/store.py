"""``finkd store``: list, verify and prune the stored results of runs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finkd.corpora.errors import DataError, StoreError
from finkd.corpora.wording import counted
from finkd.experiments.console.options import Json, finite
from finkd.experiments.console.terminal import say, show_json

if TYPE_CHECKING:
    from finkd.store import Entry, Store

store = typer.Typer(
    no_args_is_help=True, help="List, verify and prune the stored results of runs.\n\nExample: finkd store ls"
)

Root = Annotated[Path, typer.Option("--store", help="The store, beside the results of the runs that share it.")]
DEFAULT = Path("runs/store")
SECONDS_A_DAY = 86_400


@store.command("ls")
def list_entries(root: Root = DEFAULT, json: Json = False) -> None:
    """List the entries, the oldest first; what a record that cannot be read names counts as unused.

    Example: finkd store ls
    """
    entries = sorted(_entries(root), key=lambda entry: entry.changed)
    used = _used(root, lambda error: say(f"finkd: {error}"))
    if json:
        show_json([{**_row(entry), "used": entry.key in used} for entry in entries])
        return
    for entry in entries:
        row = _row(entry)
        mark = "used" if entry.key in used else "-"
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.changed))
        typer.echo(f"{row['key']:<40}  {row['kind']:<24}  {entry.bytes / 1e6:>9,.1f} MB  {when}  {mark}")
    say(f"{counted(len(entries), 'entry')}, {_total(entries)}")


@store.command("verify")
def verify(root: Root = DEFAULT, json: Json = False) -> None:
    """Compare every entry with the checksums in its manifest; exit 1 if any is damaged.

    What is being written is no entry yet; what a killed run left unfinished is removed.

    Example: finkd store verify
    """
    from finkd.store import UNFINISHED, Store

    Store(root).clean()
    entries = [entry for entry in _entries(root) if entry.kind != UNFINISHED]
    damaged = {entry.key: problem for entry in entries if (problem := Store(root).problem(entry.key))}
    if json:
        show_json([{"key": entry.key, "problem": damaged.get(entry.key)} for entry in entries])
    for key, problem in damaged.items():
        say(f"{root / key}: {problem}; a run that needs it computes it again, 'finkd store gc' removes it")
    are = "is" if len(entries) == 1 else "are"
    say(f"{len(entries) - len(damaged)} of {counted(len(entries), 'entry')} {are} whole")
    if damaged:
        raise typer.Exit(1)


@store.command("gc")
def collect(
    root: Root = DEFAULT,
    older_than: Annotated[
        float, typer.Option(metavar="DAYS", min=0, callback=finite, help="Younger entries stay.")
    ] = 7,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and keep it.")] = False,
    json: Json = False,
) -> None:
    """Remove old entries that no record beside the store came from; a run that needs one computes it again.

    Damaged entries and what killed runs left unfinished go at any age. Nothing goes while a record cannot be read.

    Example: finkd store gc --dry-run
    """
    from finkd.store import Store

    _entries(root)  # before a lock file is written into a folder that is no store
    kept = Store(root)
    with contextlib.nullcontext() if dry_run else kept.alone():
        # Looked up under the lock: a run that ends in between would leave results that seem unused.
        used = _used(root, _refuse)
        since = time.time() - older_than * SECONDS_A_DAY
        unused = [entry for entry in _entries(root) if _is_useless(kept, entry, used, since)]
        if not dry_run:
            kept.clean()
        for entry in () if dry_run else unused:
            kept.remove(entry.key)
    if json:
        show_json([_row(entry) for entry in unused])
    say(f"{'would free' if dry_run else 'freed'} {_total(unused)}, {counted(len(unused), 'entry')}")


def _entries(root: Path) -> list[Entry]:
    from finkd.store import Store

    if not root.is_dir():
        raise StoreError(f"{root}: there is no store; name one with --store, or run an experiment first")
    entries = list(Store(root).entries())
    if not entries and any(path.is_dir() for path in root.iterdir()):
        raise StoreError(f"{root}: holds no entry of a store; a store lies beside the runs that share it, as {DEFAULT}")
    return entries


def _is_useless(kept: Store, entry: Entry, used: set[str], since: float) -> bool:
    from finkd.store import UNFINISHED

    is_old = entry.key not in used and entry.changed <= since
    return is_old or entry.kind == UNFINISHED or bool(kept.problem(entry.key))


def _used(root: Path, unreadable: Callable[[DataError], None]) -> set[str]:
    """Addresses of all stages, and of all models of general tasks, that records beside a store name.

    Runs keep theirs in a folder of their own, ``finkd distill`` beside the model.

    Args:
        root: the store.
        unreadable: called for each file of records that cannot be read, whose results are unknown.
    """
    from finkd.record_files import files_below
    from finkd.records import SUFFIX, RunRecord
    from finkd.suites.record import KEPT, load_task_records

    beside = root.resolve().parent
    used: set[str] = set()
    for file in sorted(each for place in ("*", "*/records") for each in beside.glob(f"{place}/*{SUFFIX}")):
        try:
            record = RunRecord.load(file)
            used.update(stage.key for stage in (*record.lineage, *record.teachers))
        except DataError as error:
            unreadable(error)
    for file in files_below(sorted(beside.glob("*/records")), KEPT):
        try:
            used.update(key for record in load_task_records([file]) for key in (record.model, *record.stages))
        except DataError as error:
            unreadable(error)
    return used


def _refuse(error: DataError) -> None:
    raise error


def _row(entry: Entry) -> dict[str, str | int]:
    return {"key": entry.key, "kind": entry.kind, "bytes": entry.bytes}


def _total(entries: list[Entry]) -> str:
    return f"{sum(entry.bytes for entry in entries) / 1e6:,.1f} MB"
