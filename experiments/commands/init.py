"""``finkd init``: write a first configuration."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from finkd.corpora.errors import ConfigError
from finkd.experiments.console.terminal import say


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="The configuration to write.")],
    corpus: Annotated[
        str | None, typer.Option(help="Labelled corpus, by name or path. (without it, finkd asks)")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Raw text, by name or path, if there is any.")] = None,
    teacher: Annotated[
        str | None, typer.Option(help="Model that the teacher begins as. (default: all-MiniLM-L6-v2)")
    ] = None,
    size: Annotated[str, typer.Option(help="Of the students: half, small or tiny.")] = "small",
) -> None:
    """Write a commented configuration that runs: a teacher, a student that is fine-tuned, and one that is distilled.

    Corpus, text and teacher are looked up before anything is written. On a terminal, finkd asks for what is not given.

    Example: finkd init mine.yaml --corpus sample --text sample-text --size tiny
    """
    if file.suffix not in (".yaml", ".yml"):
        raise ConfigError(f"{file}: expected a name that ends in .yaml")
    if file.exists():
        raise ConfigError(f"{file}: exists; choose another name, or remove it")
    if corpus is None:
        if not sys.stdin.isatty():
            raise ConfigError("init: expected --corpus NAME or PATH (see 'finkd list corpora')")
        corpus = typer.prompt("Labelled corpus (a name of 'finkd list corpora', a file or a folder)")
        text = text or typer.prompt("Raw text (a name or a path; nothing if there is none)", default="") or None
        size = typer.prompt("Size of the students (half, small, tiny)", default=size)
    assert corpus is not None

    from finkd import corpora
    from finkd.corpora.registry import unknown
    from finkd.experiments.configuration.experiment import from_settings
    from finkd.experiments.configuration.splits import scored_split, with_train
    from finkd.experiments.configuration.starter import SIZES, Answers, starter
    from finkd.models.pretrained import DEFAULT
    from finkd.strict_yaml import read_yaml

    if size not in SIZES:
        raise ConfigError(unknown("size", size, list(SIZES)))
    data = with_train(corpora.load(corpus))
    split = "train" if list(data.splits) == ["train"] else scored_split(data)
    answers = Answers(file.stem, corpus, split, text, teacher or DEFAULT, size)
    made = starter(answers, shlex.quote(str(file)))
    from_settings(read_yaml(made, str(file)), find=True)  # a wrong name is told before anything is written

    from finkd.corpora.files import write_atomic

    write_atomic(file, made)
    say(f"wrote {file}; next: {shlex.join(['finkd', 'run', str(file), '--dry-run'])}")
