"""``finkd analyze``: what a domain vocabulary would change, and what another domain does to a vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finkd.experiments.console.options import refuse_idle
from finkd.experiments.console.terminal import say, show_json, show_tables
from finkd.experiments.console.threads import Threads
from finkd.models.pretrained import DEFAULT

if TYPE_CHECKING:
    from finkd.tokenization.analysis import Analysis


def analyze(
    context: typer.Context,
    corpus: Annotated[
        list[str],
        typer.Option(
            help="Corpus, labelled or not, by name or path; of several, vocabularies learn from the first and the "
            "others show the domain shift."
        ),
    ],
    teacher: Annotated[str, typer.Option(help="Folder or name of the teacher.")] = DEFAULT,
    vocab_size: Annotated[
        list[int] | None,
        typer.Option(help="Entries of a vocabulary to train; several make a sweep. (default: 8000 if none is given)"),
    ] = None,
    algorithm: Annotated[
        list[str] | None,
        typer.Option(help="A name of 'finkd list vocabularies', once or several times. (default: wordpiece)"),
    ] = None,
    cased: Annotated[bool, typer.Option("--cased", help="Train vocabularies that tell upper from lower case.")] = False,
    tokenizer: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="Measure this tokenizer; without --vocab-size and --algorithm, train none."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Longest sequence in tokens. (default: what the teacher reads)")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for analysis.json, analysis.md, analysis.tex and analysis.html.")
    ] = None,
    threads: Threads = None,
    json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
) -> None:
    """Compare vocabularies with the teacher's, on text that those trained here have not seen.

    Measured are the test or validation split of a labelled corpus, and of raw text every line, or a tenth of the lines
    where a vocabulary learns from the others.

    Example: finkd analyze --corpus sample --vocab-size 500 --vocab-size 1000 --vocab-size 2000 --out runs/analysis
    """
    from finkd.experiments.vocabularies.shift import Plan, compare
    from finkd.reports.analysis.tables import tables

    plan = Plan(
        teacher=teacher,
        corpora=tuple(corpus),
        tokenizers=tuple(tokenizer or ()),
        algorithms=tuple(algorithm or ()),
        sizes=tuple(vocab_size or ()),
        lowercase=not cased,
        limit=limit,
    )
    if not plan.trained:
        refuse_idle(context, "where no vocabulary is trained; add --vocab-size", "cased")
    found = compare(plan)
    if out is not None:
        _write(found, out)
    if json:
        show_json(found.as_dict())
    else:
        show_tables(tables(found))


def _write(found: Analysis, out: Path) -> None:
    from finkd.reports.analysis.page import build  # imports matplotlib, which tables do without

    for path in build(found, out):
        say(f"wrote {path}")
