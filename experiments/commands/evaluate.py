"""``finkd evaluate``: strict scores of a saved model, or what it is worth on general tasks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from finkd.corpora.errors import ConfigError, UnknownNameError
from finkd.corpora.registry import unknown
from finkd.corpora.wording import counted
from finkd.experiments.commands.run import Overrides, refuse_idle_scheme, seed_list
from finkd.experiments.console.options import refuse_idle
from finkd.experiments.console.terminal import messages, say, show_json, show_tables
from finkd.experiments.console.threads import Threads

if TYPE_CHECKING:
    from finkd.records import NerScores
    from finkd.reports.table import Table
    from finkd.suites.record import TaskRecord


def evaluate(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Folder of the model, such as runs/NAME/models/SYSTEM-seed-1.")],
    on: Annotated[
        str | None, typer.Option("--on", metavar="CORPUS", help="Labelled corpus that a tagger is scored on.")
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(metavar="SUITE", help="General tasks that it learns and is scored on, or all."),
    ] = None,
    split: Annotated[str | None, typer.Option(help="The split to score. (default: test, or else validation)")] = None,
    scheme: Annotated[str, typer.Option(help="How a corpus given by its path is tagged: IOB1, IOB2, BIOES.")] = "IOB2",
    offsets: Annotated[
        str, typer.Option(help="What offsets of a corpus given by its path count: characters, utf16, bytes.")
    ] = "characters",
    task: Annotated[
        list[str] | None, typer.Option("--task", help="Only this task of the suite; may be repeated.")
    ] = None,
    seeds: Annotated[str, typer.Option(metavar="1,2,3", help="Seeds of the suite's trainings.")] = "1",
    teacher: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Learn each task from this model too, fine-tuned before.")
    ] = None,
    overrides: Overrides = None,
    random_weights: Annotated[
        bool,
        typer.Option("--random-weights", help="Summarization: a model of phi-2's size that has learnt nothing."),
    ] = False,
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="What the suite's tables call the model.")
    ] = None,
    role: Annotated[
        Literal["teacher", "student"] | None,
        typer.Option(help="What it is in the suite's tables. (default: a folder is a student)"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the suite's records. (default: runs/SUITE)")] = None,
    threads: Threads = None,
    json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Score a model: strict entity F1 of a tagger on a corpus, or what its encoder is worth on a suite of tasks.

    A model that is named as 'finkd list teachers' has it is the teacher of a suite's tables, a folder a student unless
    --role says otherwise; run both with the same --out. What was computed before is not computed again.

    Example: finkd evaluate runs/quickstart/models/teacher-seed-1 --on sample

    Example: finkd evaluate sentence-transformers/all-MiniLM-L6-v2 --suite glue --task rte
    """
    if (on is None) == (suite is None):
        raise ConfigError("evaluate: expected either --on CORPUS or --suite SUITE")
    if suite is not None:
        refuse_idle(context, "with --suite", "split", "scheme", "offsets")
        if suite == "inference":
            refuse_idle(context, "with --suite inference, whose passes nothing is learnt for", "teacher", "seeds")
        if suite == "summarization":
            refuse_idle(context, "with --suite summarization: nothing of this suite learns from one", "teacher")
        overrides = [*(overrides or []), *(["random_weights=true"] if random_weights else [])]
        _suite(model, suite, task or [], seed_list(seeds), teacher, overrides, name, role, out, json=json)
        return
    idle = ("task", "seeds", "teacher", "overrides", "random_weights", "name", "role", "out")
    refuse_idle(context, "with --on", *idle)
    refuse_idle_scheme(context, str(on))
    _corpus(model, str(on), split, scheme, offsets, json=json)


def _suite(
    model: str,
    suite: str,
    tasks: list[str],
    seeds: list[int],
    teacher: str | None,
    overrides: list[str],
    name: str | None,
    role: Literal["teacher", "student"] | None,
    out: Path | None,
    *,
    json: bool,
) -> None:
    from finkd.experiments.configuration.experiment import overridden
    from finkd.experiments.suites import suites
    from finkd.models.pretrained import resolve

    if suite != "all" and suite not in suites:
        raise UnknownNameError(unknown("suites", suite, suites))
    settings = overridden({}, overrides)
    for each in filter(None, (model, teacher)):
        if not settings.get("random_weights"):  # for which the model is only a name
            resolve(each)  # before what takes seconds to import

    from finkd.experiments.console.progress import shown
    from finkd.experiments.suites.evaluate import default_folder, evaluate_suite
    from finkd.reports.report import compose
    from finkd.suites.record import load_task_records

    folder = out or default_folder(suite)
    with shown(messages) as listen:
        records = evaluate_suite(
            model,
            suite,
            folder,
            seeds=seeds,
            tasks=tasks,
            settings=settings,
            teacher=teacher,
            name=name,
            role=role,
            listen=listen,
        )
    if json:
        show_json([_figures(record) for record in records])
        return
    report = compose([], None, load_task_records([folder]))
    show_tables(report.overviews.values())
    say(f"records are in {folder / 'records'}; 'finkd report {folder}' writes these tables in every format")


def _figures(record: TaskRecord) -> dict[str, object]:
    kept = ("suite", "task", "split", "system", "role", "method", "seed", "metrics", "learnt", "too_long", "samples")
    return {"id": record.id, "score": record.score, **{key: getattr(record, key) for key in kept}}


def _corpus(model: str, on: str, split: str | None, scheme: str, offsets: str, *, json: bool) -> None:
    from finkd import corpora
    from finkd.experiments.configuration.splits import scored_split
    from finkd.export.loading import find_tagger, load_tagger

    find_tagger(model)  # before what takes seconds to import

    from finkd.evaluation.ner import evaluate as score
    from finkd.evaluation.ner import known_words
    from finkd.records import figures

    data = corpora.load(on, scheme, offsets)
    chosen = scored_split(data, split)
    tagger = load_tagger(model)
    wanted = corpora.label_names(data.types)
    if not set(wanted) <= set(tagger.labels):
        raise ConfigError(
            f"{model}: its labels ({', '.join(tagger.labels)}) do not match {data.name} ({', '.join(wanted)})"
        )
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
    return Table("scores", plain(title), tuple(notes), columns, tuple(rows))
