"""``finkd vocab``: train a domain vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpora.errors import StoreError
from experiments.terminal import say, show_json

OWN_FILES = {"tokenizer.json", "tokenizer_config.json"}


def vocab(
    corpus: Annotated[
        str, typer.Option(help="Text to learn from: a corpus (of a labelled one, the train split) or a path.")
    ],
    size: Annotated[int, typer.Option(help="Entries, special tokens included.")],
    out: Annotated[Path, typer.Option(help="Folder for the tokenizer.")],
    algorithm: Annotated[str, typer.Option(help="A name of 'finkd list vocabularies'.")] = "wordpiece",
    cased: Annotated[bool, typer.Option("--cased", help="Tell upper from lower case.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Train a vocabulary and write it as a tokenizer that transformers loads too.

    Example: finkd vocab --corpus sample-text --algorithm unigram --size 1000 --out runs/vocabulary
    """
    _require_free(out)

    from experiments.shift import training_texts
    from tokenization.vocabulary import train

    tokenizer = train(training_texts(corpus), algorithm, size, lowercase=not cased, name=out.name)
    tokenizer.save(out)
    if json:
        show_json({"folder": str(out), "algorithm": algorithm, "size": len(tokenizer), "lowercase": not cased})
    else:
        say(f"wrote {out}: {algorithm}, {len(tokenizer):,} entries, {'cased' if cased else 'uncased'}")


def _require_free(out: Path) -> None:
    """Refuse to replace anything but a tokenizer."""
    if out.exists() and not (out.is_dir() and {file.name for file in out.iterdir()} <= OWN_FILES):
        raise StoreError(f"{out}: exists and is no tokenizer folder; choose another --out")
