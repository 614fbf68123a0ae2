"""``finkd analyze``, ``finkd vocab`` and ``finkd align``: compare tokenizers, train one, align two."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from finkd.corpora.errors import ConfigError, StoreError
from finkd.corpora.files import check_writable
from finkd.corpora.wording import counted
from finkd.experiments.console.options import Json, Threads, finite, numbers, refuse_idle, values
from finkd.experiments.console.terminal import results, say, show_json, show_tables
from finkd.models.pretrained import DEFAULT

OWN_FILES = {"tokenizer.json", "tokenizer_config.json"}
Teacher = Annotated[str, typer.Option(help="Folder or name of the teacher.")]


def analyze(
    context: typer.Context,
    corpus: Annotated[
        list[str],
        typer.Option(
            help="Corpora, labelled or not, by name or path; vocabularies are trained on the first, and the others "
            "show the domain shift."
        ),
    ],
    teacher: Teacher = DEFAULT,
    vocab_size: Annotated[
        list[str] | None, typer.Option(help="Sizes of vocabularies to train. (default: 8000)")
    ] = None,
    algorithm: Annotated[
        list[str] | None, typer.Option(help="From 'finkd list vocabularies'. (default: wordpiece)")
    ] = None,
    cased: Annotated[bool, typer.Option("--cased", help="Train vocabularies that distinguish case.")] = False,
    tokenizer: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="Measure these tokenizers; without --vocab-size and --algorithm, train none."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Maximum length in tokens. (default: the teacher's)")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for analysis.json, .md, .tex and .html.")] = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Compare vocabularies with the teacher's, on text that those trained here have not seen.

    Measured are the test or validation split of a labelled corpus, and of raw text every line, or a tenth of the lines
    where a vocabulary is trained on the others.

    Example: finkd analyze --corpus sample --vocab-size 500,1000,2000 --out runs/analysis
    """
    from finkd.experiments import vocabularies
    from finkd.reports.analysis.tables import tables

    def is_path(text: str) -> bool:
        return Path(text).exists()

    plan = vocabularies.AnalysisPlan(
        teacher=teacher,
        corpora=tuple(values(corpus, is_path)),
        tokenizers=tuple(values(tokenizer, is_path)),
        algorithms=tuple(values(algorithm)),
        sizes=tuple(numbers("--vocab-size", vocab_size)),
        lowercase=not cased,
        limit=limit,
    )
    if not plan.trained:
        refuse_idle(context, "where no vocabulary is trained; add --vocab-size", "cased")
    if out is not None:
        check_writable(out / "analysis.json")
    found = vocabularies.analyze(plan)
    if out is not None:
        from finkd.reports.analysis.page import build  # imports matplotlib, which tables do without

        for path in build(found, out):
            say(f"wrote {path}")
    if json:
        show_json(found.as_dict())
    else:
        show_tables(tables(found))


def align(
    text: Annotated[str, typer.Argument(help="The text.")],
    student: Annotated[str, typer.Option(metavar="DIR", help="Folder of the student's tokenizer or model.")],
    teacher: Teacher = DEFAULT,
    json: Json = False,
) -> None:
    """Draw the alignment of one text between two tokenizers.

    Colours distinguish the chunks, the shortest stretches that both tokenizers begin and end at the same characters; a
    bar stands between the tokens of a chunk. What only one tokenizer covers is red.

    Example: finkd align --student runs/vocabulary "Acme repaid the revolving facility."
    """
    from finkd.experiments.vocabularies import named_tokenizer
    from finkd.tokenization.alignment import align as align_tokens
    from finkd.tokenization.drawing import as_dict, draw

    ours, theirs = named_tokenizer(student), named_tokenizer(teacher)
    alignment = align_tokens(theirs.encode([text]), ours.encode([text]))
    if json:
        show_json(as_dict(alignment, theirs, ours, text))
    else:
        results.print(draw(alignment, theirs, ours, text, results.width))


def vocab(
    context: typer.Context,
    corpus: Annotated[str, typer.Option(help="Corpus to train on, by name or path.")],
    out: Annotated[Path, typer.Option(help="Folder for the tokenizer.")],
    vocab_size: Annotated[
        int | None,
        typer.Option(
            min=1, max=10_000_000, help="Entries, special tokens included; the size of a grown vocabulary is found."
        ),
    ] = None,
    algorithm: Annotated[
        str | None,
        typer.Option(help="A name of 'finkd list vocabularies', for one from scratch.", show_default="wordpiece"),
    ] = None,
    cased: Annotated[bool, typer.Option("--cased", help="Distinguish case.")] = False,
    general: Annotated[str | None, typer.Option(help="A second, general corpus to count words in.")] = None,
    weight: Annotated[
        float | None,
        typer.Option(callback=finite, help="Weight of --corpus beside --general, from 0 to 1.", show_default="0.5"),
    ] = None,
    names: Annotated[int, typer.Option(min=1, help="Number of times that each likely name is counted.")] = 1,
    grow_from: Annotated[str | None, typer.Option(help="Add entries to this teacher's vocabulary.")] = None,
    rule: Annotated[
        Literal["likelihood", "fertility"] | None,
        typer.Option(help="Stopping rule of --grow-from.", show_default="likelihood"),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(callback=finite, help="Threshold of that rule.", show_default="that of its paper"),
    ] = None,
    trim_from: Annotated[str | None, typer.Option(help="Keep what the text uses of this teacher's vocabulary.")] = None,
    minimum: Annotated[
        int | None, typer.Option(min=1, help="Uses that --trim-from needs to keep an entry.", show_default="1")
    ] = None,
    protect: Annotated[Path | None, typer.Option(help="File of words that are never split, one per line.")] = None,
    currency: Annotated[bool, typer.Option("--currency", help="Keep currency signs as tokens of their own.")] = False,
    digits: Annotated[
        Literal["learned", "split", "whole"],
        typer.Option(help="Numbers in tokens as learned, digit by digit, or whole if frequent."),
    ] = "learned",
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Train, grow or trim a vocabulary and write it as a tokenizer that transformers loads too.

    Example: finkd vocab --corpus sample-text --algorithm unigram --vocab-size 1000 --out runs/vocabulary
    """
    _check(context, out, vocab_size, cased, grow_from, trim_from)
    named = grow_from or trim_from
    if named and Path(named).resolve() == out.resolve():
        raise ConfigError(f"--out: {out} holds the vocabulary that is read; choose another folder")
    if not general:
        refuse_idle(context, "without --general", "weight")

    from finkd.experiments.vocabularies import named_tokenizer, source
    from finkd.settings import build
    from finkd.tokenization import vocabulary
    from finkd.tokenization.trainers.protection import read_entries

    protection = vocabulary.Protection(read_entries(protect) if protect else (), currency, digits)
    growth = build(vocabulary.Growth, {"rule": rule or "likelihood", "threshold": threshold}, "vocabulary")
    teacher = named_tokenizer(named) if named else None
    domain, other = source(corpus), source(general) if general else None
    check_writable(out, folder=True)
    counts = vocabulary.count_words(domain.training(held_out=False), names=names)
    if other is not None:
        counts = vocabulary.mix_counts(other.training(held_out=False), counts, 0.5 if weight is None else weight)
    size, kind, name = vocab_size or 0, algorithm or "wordpiece", out.name
    if teacher is None:
        tokenizer = vocabulary.train(counts, kind, size, lowercase=not cased, protect=protection, name=name)
    else:
        if grow_from:
            tokenizer = vocabulary.grow(teacher, counts, growth=growth, protect=protection, name=name)
        else:
            tokenizer = vocabulary.trim(teacher, counts, minimum=minimum or 1, size=size, protect=protection, name=name)
        kind = type(tokenizer.backend.model).__name__.lower()
    tokenizer.save(out)
    if json:
        shown = {"algorithm": kind, "size": len(tokenizer), "lowercase": tokenizer.lowercases}
        show_json({"folder": str(out), **shown})
    else:
        case = "uncased" if tokenizer.lowercases else "cased"
        say(f"wrote {out}: {kind}, {counted(len(tokenizer), 'entry')}, {case}")


def _check(
    context: typer.Context, out: Path, size: int | None, cased: bool, grow_from: str | None, trim_from: str | None
) -> None:
    """Refuse to replace anything but a tokenizer, and options that contradict each other, before any work is done."""
    if out.exists() and not (out.is_dir() and {file.name for file in out.iterdir()} <= OWN_FILES):
        raise StoreError(f"{out}: exists and is no tokenizer folder; choose another --out")
    if grow_from and trim_from:
        raise ConfigError("--grow-from, --trim-from: expected one of them (got both); trim first, then grow the result")
    is_changed = bool(grow_from or trim_from)
    if cased and is_changed:
        raise ConfigError("--cased: a grown or trimmed vocabulary does what its teacher's does; drop the option")
    if grow_from and size is not None:
        raise ConfigError("--vocab-size: a grown vocabulary is as large as its rule makes it; set --threshold instead")
    if size is None and not is_changed:
        raise ConfigError("--vocab-size: missing; say how many entries a vocabulary from scratch has, such as 8000")
    if not grow_from:
        refuse_idle(context, "without --grow-from", "rule", "threshold")
    if not trim_from:
        refuse_idle(context, "without --trim-from", "minimum")
    if is_changed:
        refuse_idle(context, "with a grown or trimmed vocabulary, which has its teacher's", "algorithm")
