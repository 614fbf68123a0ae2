"""``finkd push``: put a tagger on the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from finkd.corpora.errors import ConfigError, UnavailableError, first_line
from finkd.corpora.wording import counted
from finkd.experiments.console.options import Json
from finkd.experiments.console.terminal import say, show_json

_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def push(
    model: Annotated[Path, typer.Argument(help="Folder of the tagger, such as runs/NAME/models/SYSTEM-seed-1.")],
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Where it goes.")],
    graph: Annotated[Path | None, typer.Option(help="Folder of its ONNX graph, which goes along as onnx/.")] = None,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be pushed, without a network.")] = False,
    json: Json = False,
) -> None:
    """Push a tagger to the Hugging Face hub with its card, and its ONNX graph if there is one.

    Log in before, with 'hf auth login'. Only the files of the model are pushed.

    Example: finkd push runs/mine/models/distilled-seed-1 me/small-tagger --dry-run
    """
    if not _NAME.fullmatch(repository):
        raise ConfigError(f"{repository}: expected OWNER/NAME")
    from finkd.models.lookup import model_files

    files = {each.name: each for each in model_files(model, "README.md")}
    if "config.json" not in files:
        raise ConfigError(f"{model}: holds no model; name a folder such as runs/NAME/models/SYSTEM-seed-1")
    if "README.md" not in files:
        raise ConfigError(f"{model}: holds no card (README.md); 'finkd run' and 'finkd distill' write one, or write it")
    if graph is not None:
        beside = {f"onnx/{each.name}": each for each in model_files(graph, "README.md")}
        if "onnx/model.onnx" not in beside:
            raise ConfigError(f"{graph}: holds no graph; 'finkd export {model} --to onnx-int8' makes one")
        files |= beside
    sizes = {name: path.stat().st_size for name, path in files.items()}
    for name, size in () if json else sizes.items():
        typer.echo(f"{name}  {size / 1e6:,.2f} MB")
    if not dry_run:
        say(f"pushed to {_pushed(repository, files, private=private)}")
    elif not json:
        say(f"{counted(len(files), 'file')} would be pushed to {repository}")
    if json:
        show_json({"repository": repository, "files": sizes, "pushed": not dry_run})


def _pushed(repository: str, files: dict[str, Path], *, private: bool) -> str:
    """Push files in one commit; return the address of the repository."""
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi()
    try:
        made = api.create_repo(repository, private=private, exist_ok=True)
        operations = [CommitOperationAdd(name, str(path)) for name, path in files.items()]
        api.create_commit(repository, operations, commit_message="Tagger made by finkd")
    except (HfHubHTTPError, OSError) as error:
        reason = first_line(error)
        raise UnavailableError(f"{repository}: cannot be pushed ({reason}); is 'hf auth login' done?") from error
    return str(made)
