"""``finkd evaluate``: strict scores of a saved tagger, or scores of a model on general tasks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from finkd.corpora.errors import ConfigError, UnknownNameError
from finkd.corpora.registry import unknown
from finkd.corpora.wording import counted
from finkd.experiments.configuration.layout import RECORDS
from finkd.experiments.console.options import (
    Json,
    Offsets,
    Overrides,
    Scheme,
    Seeds,
    Split,
    Threads,
    numbers,
    refuse_idle,
    refuse_idle_scheme,
    values,
)
from finkd.experiments.console.terminal import messages, say, show_json, show_tables

if TYPE_CHECKING:
    from finkd.reports.table import Table
    from finkd.scores import NerScores


def evaluate(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Folder of the model, such as runs/NAME/models/SYSTEM-seed-1.")],
    corpus: Annotated[str | None, typer.Option(help="Labelled corpus that a tagger is scored on.")] = None,
    suite: Annotated[str | None, typer.Option(metavar="SUITE", help="General tasks to learn, or all.")] = None,
    split: Split = None,
    scheme: Scheme = "IOB2",
    offsets: Offsets = "characters",
    task: Annotated[list[str] | None, typer.Option(help="Only these tasks of the suite.")] = None,
    seeds: Seeds = None,
    teacher: Annotated[str | None, typer.Option(metavar="MODEL", help="Model to distil each task from.")] = None,
    overrides: Overrides = None,
    random_weights: Annotated[
        bool, typer.Option("--random-weights", help="Summarization with random weights.")
    ] = False,
    name: Annotated[str | None, typer.Option("--as", metavar="NAME", help="Name in the suite's tables.")] = None,
    role: Annotated[Literal["teacher", "student"] | None, typer.Option(help="(default: a folder is a student)")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the suite's records. (default: runs/SUITE)")] = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Score a model: strict entity F1 of a tagger on a corpus, or an encoder fine-tuned on a suite of tasks.

    A model that is named as 'finkd list teachers' has it is the teacher of a suite's tables, a folder a student unless
    --role says otherwise; run both with the same --out. What was computed before is not computed again.

    Example: finkd evaluate runs/quickstart/models/teacher-seed-1 --corpus sample

    Example: finkd evaluate sentence-transformers/all-MiniLM-L6-v2 --suite glue --task rte
    """
    if (corpus is None) == (suite is None):
        raise ConfigError("evaluate: expected either --corpus CORPUS or --suite SUITE")
    if suite is not None:
        refuse_idle(context, "with --suite", "split", "scheme", "offsets")
        if suite == "inference":
            refuse_idle(context, "with --suite inference, whose passes nothing is learnt for", "teacher", "seeds")
        if suite == "summarization":
            refuse_idle(context, "with --suite summarization: nothing of this suite learns from one", "teacher")
        replaced = [*(overrides or []), *(["random_weights=true"] if random_weights else [])]
        chosen = {"seeds": numbers("--seeds", seeds or ["1"]), "tasks": values(task), "teacher": teacher}
        _suite(model, suite, replaced, out, json=json, name=name, role=role, **chosen)
        return
    idle = ("task", "seeds", "teacher", "overrides", "random_weights", "name", "role", "out")
    refuse_idle(context, "with --corpus", *idle)
    refuse_idle_scheme(context, str(corpus))
    _corpus(model, str(corpus), split, scheme, offsets, json=json)


def _suite(model: str, suite: str, overrides: list[str], out: Path | None, *, json: bool, **options: Any) -> None:
    """Score a model on a suite; ``options`` are those of ``evaluate_suite``."""
    from finkd.experiments.configuration.reading import overridden
    from finkd.experiments.suites import suites
    from finkd.models.pretrained import resolve

    if suite != "all" and suite not in suites:
        raise UnknownNameError(unknown("suites", suite, suites))
    settings = overridden({}, overrides)
    for each in filter(None, (model, options["teacher"])):
        if not settings.get("random_weights"):  # for which the model is only a name
            resolve(each)  # before what takes seconds to import

    from finkd.experiments.console.progress import shown
    from finkd.experiments.suites.evaluate import evaluate_suite, suite_folder
    from finkd.reports.report import compose
    from finkd.suites.record import load_task_records

    folder = out or suite_folder(suite)
    with shown(messages) as listen:
        records = evaluate_suite(model, suite, folder, settings=settings, listen=listen, **options)
    if json:
        show_json([record.figures for record in records])
        return
    report = compose([], None, load_task_records([folder]))
    show_tables(report.overviews.values())
    say(f"records are in {folder / RECORDS}; 'finkd report {folder}' writes these tables in every format")


def _corpus(model: str, corpus: str, split: str | None, scheme: str, offsets: str, *, json: bool) -> None:
    from finkd.experiments.configuration.splits import check_labels, load_split
    from finkd.export.loading import find_tagger, load_tagger

    find_tagger(model)  # before what takes seconds to import

    from finkd.evaluation.ner import evaluate as score
    from finkd.evaluation.ner import known_words
    from finkd.scores import figures

    data, chosen = load_split(corpus, split, scheme, offsets)
    tagger = load_tagger(model)
    check_labels(model, tagger.labels, data)
    known = known_words(data.splits.get("train", ()))
    scores = score(data.splits[chosen], tagger, data.types, data.roles, known)
    if json:
        show_json({"model": model, "corpus": data.name, "split": chosen, **figures(scores)})
    else:
        show_tables([_table(f"{model} on {data.name}, {chosen} split", scores)])


def _table(title: str, scores: NerScores) -> Table:
    from finkd.reports.table import Column, Table, label, number, plain

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
    notes = [f"{counted(scores.words, 'word')}, of which {scores.uncovered_words:,} have no token and count as O."]
    if scores.unseen:
        notes.append("Unseen: entities with a word that the training split does not hold.")
    if scores.calibration_error is not None:
        notes.append(
            f"Calibration error: {scores.calibration_error:.3f} (scores of entities against their precision; by chance "
            f"{scores.chance_calibration_error:.3f})."
        )
    return Table("scores", plain(title), tuple(notes), columns, tuple(rows))
