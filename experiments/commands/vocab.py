"""``finkd vocab``: make a domain vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from finkd.corpora.errors import ConfigError, StoreError
from finkd.corpora.wording import counted
from finkd.experiments.console.options import refuse_idle
from finkd.experiments.console.terminal import say, show_json
from finkd.experiments.console.threads import Threads

OWN_FILES = {"tokenizer.json", "tokenizer_config.json"}


def vocab(
    context: typer.Context,
    corpus: Annotated[
        str, typer.Option(help="Text to learn from: a corpus (of a labelled one, the train split) or a path.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the tokenizer.")],
    size: Annotated[
        int | None,
        typer.Option(
            min=1, max=10_000_000, help="Entries, special tokens included. A grown vocabulary finds its own size."
        ),
    ] = None,
    algorithm: Annotated[
        str | None,
        typer.Option(help="A name of 'finkd list vocabularies', for one from scratch.", show_default="wordpiece"),
    ] = None,
    cased: Annotated[bool, typer.Option("--cased", help="Tell upper from lower case.")] = False,
    general: Annotated[str | None, typer.Option(help="A second, general corpus to count words in.")] = None,
    weight: Annotated[
        float | None, typer.Option(help="Share of --corpus beside --general.", show_default="0.5")
    ] = None,
    names: Annotated[
        int, typer.Option(min=1, help="Count each likely name so many times: small vocabularies cut names first.")
    ] = 1,
    grow_from: Annotated[str | None, typer.Option(help="Add entries to this teacher's vocabulary.")] = None,
    rule: Annotated[
        Literal["likelihood", "fertility"] | None,
        typer.Option(help="What tells that --grow-from has grown enough.", show_default="likelihood"),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Threshold of that rule.", show_default="that of its paper")
    ] = None,
    trim_from: Annotated[str | None, typer.Option(help="Keep what the text uses of this teacher's vocabulary.")] = None,
    minimum: Annotated[
        int | None, typer.Option(min=1, help="Uses that an entry needs to be kept by --trim-from.", show_default="1")
    ] = None,
    protect: Annotated[Path | None, typer.Option(help="File of words that are never cut, one on each line.")] = None,
    currency: Annotated[bool, typer.Option("--currency", help="Never cut currency signs, nor join them.")] = False,
    digits: Annotated[
        Literal["learned", "split", "whole"],
        typer.Option(help="Numbers in tokens as learned, digit by digit, or whole if frequent."),
    ] = "learned",
    threads: Threads = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Make a vocabulary and write it as a tokenizer that transformers loads too.

    Example: finkd vocab --corpus sample-text --algorithm unigram --size 1000 --out runs/vocabulary
    """
    _require_free(out)
    _require_sense(size, cased, grow_from, trim_from)
    if not general:
        refuse_idle(context, "without --general", "weight")
    if not grow_from:
        refuse_idle(context, "without --grow-from", "rule", "threshold")
    if not trim_from:
        refuse_idle(context, "without --trim-from", "minimum")
    if grow_from or trim_from:
        refuse_idle(context, "with a grown or trimmed vocabulary, which has its teacher's", "algorithm")

    from finkd.experiments.vocabularies.shift import named_tokenizer
    from finkd.experiments.vocabularies.sources import source
    from finkd.settings import build
    from finkd.tokenization import vocabulary
    from finkd.tokenization.trainers.protection import read_entries

    protection = vocabulary.Protection(read_entries(protect) if protect else (), currency, digits)
    growth = build(vocabulary.Growth, {"rule": rule or "likelihood", "threshold": threshold}, "vocabulary")
    teacher = named_tokenizer(grow_from or trim_from or "") if grow_from or trim_from else None
    counts = vocabulary.count_words(source(corpus).training(held_out=False), names=names)
    if general:
        counts = vocabulary.mix(source(general).training(held_out=False), counts, 0.5 if weight is None else weight)
    if teacher is None:
        assert size is not None
        algorithm = algorithm or "wordpiece"
        tokenizer = vocabulary.train(counts, algorithm, size, lowercase=not cased, protect=protection, name=out.name)
    elif grow_from:
        tokenizer = vocabulary.grow(teacher, counts, growth=growth, protect=protection, name=out.name)
    else:
        least, most = minimum or 1, size or 0
        tokenizer = vocabulary.trim(teacher, counts, minimum=least, size=most, protect=protection, name=out.name)
    tokenizer.save(out)
    kind = type(tokenizer.backend.model).__name__.lower() if teacher else algorithm
    if json:
        shown = {"algorithm": kind, "size": len(tokenizer), "lowercase": tokenizer.lowercases}
        show_json({"folder": str(out), **shown})
    else:
        say(
            f"wrote {out}: {kind}, {counted(len(tokenizer), 'entry')}, {'uncased' if tokenizer.lowercases else 'cased'}"
        )


def _require_sense(size: int | None, cased: bool, grow_from: str | None, trim_from: str | None) -> None:
    """Refuse options that contradict each other, before any work is done."""
    if grow_from and trim_from:
        raise ConfigError("--grow-from, --trim-from: expected one of them (got both); trim first, then grow the result")
    if cased and (grow_from or trim_from):
        raise ConfigError("--cased: a grown or trimmed vocabulary does what its teacher's does; drop the option")
    if grow_from and size is not None:
        raise ConfigError("--size: a grown vocabulary is as large as its rule makes it; set --threshold instead")
    if size is None and not (grow_from or trim_from):
        raise ConfigError("--size: missing; say how many entries a vocabulary from scratch has, such as 8000")


def _require_free(out: Path) -> None:
    """Refuse to replace anything but a tokenizer."""
    if out.exists() and not (out.is_dir() and {file.name for file in out.iterdir()} <= OWN_FILES):
        raise StoreError(f"{out}: exists and is no tokenizer folder; choose another --out")
