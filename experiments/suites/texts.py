"""Suites of tasks on whole texts: GLUE, SST-2 and IMDb."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from finkd.corpora.errors import ConfigError
from finkd.corpora.files import write_atomic
from finkd.corpora.tasks import load_task, tasks
from finkd.corpora.tasks.task import Example, TaskData
from finkd.corpora.wording import counted
from finkd.experiments.suites.learner import Learner
from finkd.experiments.suites.records import computed_once, settings_json
from finkd.experiments.suites.request import Request, chosen
from finkd.machine.precision import resolve_precision
from finkd.models.heads import with_text_head
from finkd.models.model import Model
from finkd.progress import Listener
from finkd.records import Resources
from finkd.reports.formats import csv, markdown
from finkd.reports.table import Column, Table, label
from finkd.reports.table import plain as escaped
from finkd.settings import build
from finkd.store import address
from finkd.strategies.parsing import merge
from finkd.suites import linear_classifiers
from finkd.suites.classifier import TaskTeacher, TextDistillation, TextSettings, answers, gold, learn, scores
from finkd.suites.copies import copies
from finkd.suites.metrics import METRICS
from finkd.suites.record import TaskRecord

GLUE = ("cola", "sst-2", "mrpc", "sts-b", "qqp", "mnli", "qnli", "rte", "wnli")
BINARY = ("accuracy", "precision", "recall", "f1")
_SMALL = {"schedule": {"epochs": 5}}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "cola": _SMALL,
    "sst-2": {"schedule": {"epochs": 2}, "limit": 64},
    "mrpc": _SMALL,
    "sts-b": _SMALL,
    "rte": {**_SMALL, "limit": 256},
    # Its development set takes back what its training set says; whoever learns that by heart falls below chance.
    "wnli": {"schedule": {"epochs": 1, "learning_rate": 2e-5}},
    "imdb": {"limit": 256, "long": "head+tail"},
}
_SHOWN = 30
"""Rows of the Markdown table of disagreements."""
_LABELS = "labels.safetensors"
_USUAL = {"schedule": {"epochs": 3, "learning_rate": 1e-4}}


def glue(request: Request) -> list[TaskRecord]:
    """Fine-tune the model on each task, or distil a fine-tuned teacher into it."""
    return [
        record
        for task in chosen(request, GLUE)
        for record in _task(request, "glue", load_task(task), tasks.get(task).metrics)
    ]


def imdb(request: Request) -> list[TaskRecord]:
    """Fine-tune the model on long reviews, or distil a fine-tuned teacher into it."""
    chosen(request, ["imdb"])
    return list(_task(request, "imdb", load_task("imdb"), ("accuracy",)))


def sst2(request: Request) -> list[TaskRecord]:
    """Compare the model fine-tuned, frozen and untrained, and classifiers that learn from the training texts alone."""
    chosen(request, ["sst-2"])
    data = load_task("sst-2")
    settings = settings_of("sst-2", request.settings)
    records = [*_task(request, "sst2", data, BINARY), *_untrained(request, data, settings), *_classic(request, data)]
    write_disagreements(request.out, data.splits["validation"], records)
    return records


def check(request: Request, known: Sequence[str]) -> None:
    """Read the data of the chosen tasks and build their settings, to find mistakes before anything is trained.

    Raises:
        FinkdError: if a task is not among the suite's, its data are nowhere or broken, or a setting is wrong.
    """
    for task in chosen(request, known):
        _settings(request, task)
        load_task(task)


def _settings(request: Request, task: str) -> TextSettings:
    settings = settings_of(task, request.settings)
    if settings.distill != TextDistillation() and not request.teacher:
        raise ConfigError("distill: needs a teacher that has learned the task; name one with --teacher")
    return settings


def settings_of(task: str, replaced: Mapping[str, Any]) -> TextSettings:
    """Build the settings of a task.

    Raises:
        ConfigError: if a setting is wrong.
    """
    return build(TextSettings, merge(merge(_USUAL, _DEFAULTS.get(task, {})), replaced), "")


def _task(request: Request, suite: str, data: TaskData, metrics: tuple[str, ...]) -> Iterator[TaskRecord]:
    settings = _settings(request, data.name)
    of_teacher = replace(settings, distill=TextDistillation(), bits=0)
    if request.teacher_settings is not None:
        of_teacher = settings_of(data.name, request.teacher_settings)
    for seed in request.seeds:
        train, prepare = partial(_train, data=data), partial(_task_teacher, data=data)
        learner = Learner(request, data, settings, seed, train, of_teacher, prepare)
        for split in data.scored:
            frame = _frame(request, data, suite, split, request.method, seed, metrics)
            yield computed_once(request, frame, learner.decides, partial(_asked, learner, data, frame))


def _train(learner: Learner, teacher: TaskTeacher | None, listen: Listener, data: TaskData) -> Model:
    keeps_head = learner.request.from_fine_tuned is not None
    return learn(learner.start, data, learner.settings, learner.seed, teacher, listen, learner.checkpoints, keeps_head)


def _task_teacher(learner: Learner, listen: Listener, data: TaskData) -> TaskTeacher | None:
    """What the teacher says, which the store keeps for its next student."""
    if learner.teacher is None:
        return None
    teacher, settings, precision = learner.teacher.model, learner.settings, resolve_precision("auto")
    texts = data.splits["train"]
    changed = list(copies(texts, teacher, settings.distill.similar_words, learner.seed))

    def label(folder: Path) -> None:
        logits, _ = scores(teacher, [*texts, *changed], settings, precision, listen)
        save_file({"logits": logits}, folder / _LABELS)

    known = {"limit": settings.limit, "long": settings.long, "precision": precision, "seed": learner.seed}
    known["similar_words"] = settings_json(settings.distill.similar_words)
    key = address({"version": 1, "labels": learner.teacher.key, **known})
    stored = learner.request.store.made(key, {"kind": f"labels {data.name}"}, label)
    return TaskTeacher(teacher, changed, load_file(stored.folder / _LABELS)["logits"])


def _asked(learner: Learner, data: TaskData, frame: TaskRecord) -> TaskRecord:
    listen = learner.request.watched(data.name, learner.seed, "score")
    precision = resolve_precision("auto")  # as in the training: in fp32 a large model takes most of an hour
    scored, too_long = scores(learner.model, data.splits[frame.split], learner.settings, precision, listen)
    return learner.noted(_scored(frame, data, partial(answers, scored, data)), too_long)


def _scored(frame: TaskRecord, data: TaskData, answer: Callable[[], np.ndarray]) -> TaskRecord:
    predicted = answer()
    right = gold(data, frame.split).astype(np.float64)
    return replace(
        frame,
        metrics={name: METRICS[name](right, predicted) for name in frame.metrics},
        gold=tuple(right.tolist()),
        predicted=tuple(predicted.tolist()),
    )


def _frame(
    request: Request, data: TaskData, suite: str, split: str, method: str, seed: int, metrics: tuple[str, ...]
) -> TaskRecord:
    return request.frame(
        *(suite, data, split, method, seed),
        metrics=dict.fromkeys(metrics),
        headline=tasks.get(data.name).metrics,
        labels=data.labels,
        learnt=len(data.splits["train"]),
        resources=request.resources,
    )


def _untrained(request: Request, data: TaskData, settings: TextSettings) -> Iterator[TaskRecord]:
    """Score the frozen encoder: with a linear probe, and with an untrained head."""
    methods: dict[str, Callable[[str, int], np.ndarray]] = {
        "frozen, linear probe": lambda split, seed: linear_classifiers.probe(request.loaded, data, split, settings),
        "untrained head": lambda split, seed: answers(
            scores(with_text_head(request.loaded, data.labels, seed), data.splits[split], settings)[0], data
        ),
    }
    decides = {"model": request.origin, "data": data.fingerprint, "limit": settings.limit}
    if settings.long != "head":  # which records of earlier versions do not say
        decides["long"] = settings.long
    for method, answer in methods.items():
        for seed in request.seeds if method == "untrained head" else request.seeds[:1]:
            for split in data.scored:
                frame = _frame(request, data, "sst2", split, method, seed, BINARY)
                request.watched(data.name, seed, method)
                yield computed_once(
                    request, frame, decides, partial(_scored, frame, data, partial(answer, split, seed))
                )


def _classic(request: Request, data: TaskData) -> Iterator[TaskRecord]:
    methods: dict[str, tuple[Callable[[TaskData, str], np.ndarray], dict[str, str]]] = {
        "tf-idf + logistic regression": (linear_classifiers.tfidf, {}),
        "NB-SVM": (linear_classifiers.nb_svm, {"weights": "interpolated with their mean size"}),
    }
    for method, (answer, how) in methods.items():
        for split in data.scored:
            frame = _frame(request, data, "sst2", split, method, request.seeds[0], BINARY)
            frame = replace(frame, system=method, role="baseline", resources=Resources())
            request.watched(data.name, frame.seed, method)
            decides = {"data": data.fingerprint, **how}
            yield computed_once(request, frame, decides, partial(_scored, frame, data, partial(answer, data, split)))


def write_disagreements(out: Path, examples: Sequence[Example], records: Sequence[TaskRecord]) -> None:
    """Write the examples on which systems disagree, those first that most of them get wrong, as Markdown and CSV.

    Args:
        out: folder for ``disagreements.md`` and ``disagreements.csv``.
        examples: of one split.
        records: of this split; of several seeds of a system the first one counts.
    """
    systems: dict[str, TaskRecord] = {}
    for record in records:
        name = record.system if record.role == "baseline" else f"{record.system}, {record.method}"
        systems.setdefault(name, record)
    said = list(zip(*(record.predicted for record in systems.values()), strict=True))
    wrong = [sum(answer != example.label for answer in row) for row, example in zip(said, examples, strict=True)]
    mixed = [place for place, count in enumerate(wrong) if 0 < count < len(systems)]
    order = sorted(mixed, key=lambda place: -wrong[place])
    labels = records[0].labels
    columns = (
        Column("text", "Text", "left"),
        Column("gold", "Gold", "left"),
        *(Column(escaped(name), escaped(name), "left") for name in systems),
    )
    rows = tuple(
        (
            label(examples[place].first),
            label(labels[int(examples[place].label)]),
            *(
                label(labels[int(answer)], (record.id,))
                for answer, record in zip(said[place], systems.values(), strict=True)
            ),
        )
        for place in order
    )
    note = (
        f"Systems disagree on {len(mixed):,} of {counted(len(examples), 'example')}; the first {_SHOWN} are those that "
        "most of them get wrong."
    )
    table = Table("disagreements", "Where systems disagree", (note,), columns, rows)
    write_atomic(out / "disagreements.csv", csv.document([table]))
    write_atomic(out / "disagreements.md", markdown.document([replace(table, rows=rows[:_SHOWN])]))
