"""``finkd evaluate``: strict scores of a saved model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from corpora.errors import ConfigError
from experiments.terminal import show_json, show_tables

if TYPE_CHECKING:
    from finkd.records import NerScores
    from reports.table import Table


def evaluate(
    model: Annotated[str, typer.Argument(help="Folder of the model, such as runs/NAME/models/SYSTEM-seed-1.")],
    on: Annotated[str, typer.Option("--on", metavar="CORPUS", help="Labelled corpus, by name or path.")],
    split: Annotated[str | None, typer.Option(help="The split to score. (default: test, or else validation)")] = None,
    scheme: Annotated[str, typer.Option(help="How a corpus given by its path is tagged: IOB1, IOB2, BIOES.")] = "IOB2",
    json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Score a model: strict entity F1, micro, macro and by type.

    Example: finkd evaluate runs/quickstart/models/teacher-seed-1 --on sample
    """
    import corpora
    from experiments.splits import scored_split
    from finkd import models
    from finkd.evaluation import evaluate as score
    from finkd.evaluation import known_words
    from finkd.records import figures

    data = corpora.load(on, scheme)
    chosen = scored_split(data, split)
    tagger = models.load(model)
    wanted = corpora.label_names(data.types)
    if not set(wanted) <= set(tagger.labels):
        raise ConfigError(
            f"{model}: its labels ({', '.join(tagger.labels) or 'none'}) do not match {data.name} ({', '.join(wanted)})"
        )
    known = known_words(data.splits.get("train", ()))
    scores = score(data.splits[chosen], tagger, data.types, data.roles, known)
    if json:
        show_json({"model": model, "corpus": data.name, "split": chosen, **figures(scores)})
    else:
        show_tables([_table(f"{model} on {data.name}, {chosen} split", scores)])


def _table(title: str, scores: NerScores) -> Table:
    from reports.table import Column, Table, label, number, plain

    rows = [
        (
            label(name),
            number(counts.gold),
            number(counts.predicted),
            number(counts.precision, 3),
            number(counts.recall, 3),
            number(counts.f1, 3),
        )
        for name, counts in (
            *scores.per_type.items(),
            ("micro", scores.micro),
            *([("unseen", scores.unseen)] if scores.unseen else []),
        )
    ]
    rows.append((label("macro"), label(None), label(None), label(None), label(None), number(scores.macro_f1, 3)))
    headings = ("Type", "Support", "Predicted", "Precision", "Recall", "F1")
    columns = tuple(Column(name.lower(), name, "left" if name == "Type" else "right") for name in headings)
    notes = [f"{scores.words:,} words, of which {scores.uncovered_words:,} have no piece and count as O."]
    if scores.unseen:
        notes.append("Unseen: entities with a word that the training split does not hold.")
    return Table("scores", plain(title), tuple(notes), columns, tuple(rows))
