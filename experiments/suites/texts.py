"""Suites of tasks on whole texts: GLUE, SST-2 and IMDb."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from finkd.corpora.tasks import load_task, tasks
from finkd.corpora.tasks.task import TaskData
from finkd.execution import lineage
from finkd.experiments.suites.disagreements import write_disagreements
from finkd.experiments.suites.learner import Learner
from finkd.experiments.suites.request import Request, chosen, kept, plain
from finkd.models.heads import with_text_head
from finkd.models.model import Model
from finkd.progress import Listener
from finkd.records import Resources
from finkd.settings import build
from finkd.strategies import merge
from finkd.suites import baselines
from finkd.suites.classifier import Logits, TextSettings, answers, gold, learn, scores
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
_USUAL = {"schedule": {"epochs": 3, "learning_rate": 1e-4}}


def glue(request: Request) -> list[TaskRecord]:
    """Fine-tune the model on each task, or distil a fine-tuned teacher into it."""
    return [
        record
        for task in chosen(request, GLUE)
        for record in _task(request, "glue", load_task(task), tasks.get(task).metrics)
    ]


def imdb(request: Request) -> list[TaskRecord]:
    """The same on long reviews."""
    chosen(request, ["imdb"])
    return list(_task(request, "imdb", load_task("imdb"), ("accuracy",)))


def sst2(request: Request) -> list[TaskRecord]:
    """Fine-tuned, frozen and untrained, beside classifiers that know no language but the training texts."""
    chosen(request, ["sst-2"])
    data = load_task("sst-2")
    settings = settings_of("sst-2", request.settings)
    records = [*_task(request, "sst2", data, BINARY), *_untrained(request, data, settings), *_classic(request, data)]
    write_disagreements(request.out, data.splits["validation"], records)
    return records


def settings_of(task: str, replaced: Mapping[str, Any]) -> TextSettings:
    """How a task is learnt.

    Raises:
        ConfigError: if a setting is wrong.
    """
    return build(TextSettings, merge(merge(_USUAL, _DEFAULTS.get(task, {})), replaced), "")


def _task(request: Request, suite: str, data: TaskData, metrics: tuple[str, ...]) -> Iterator[TaskRecord]:
    settings = settings_of(data.name, request.settings)
    method = f"distilled from {Path(request.teacher).name}" if request.teacher else "fine-tuned"
    for seed in request.seeds:
        learner = _learner(request, data, settings, seed)
        for split in data.scored:
            frame = _frame(request, data, suite, split, method, seed, metrics)
            yield kept(request, frame, learner.decides, partial(_asked, learner, data, settings, frame))


def _learner(request: Request, data: TaskData, settings: TextSettings, seed: int) -> Learner:
    decides = {"model": request.origin, "data": data.fingerprint, "settings": plain(settings)}
    teacher = request.teacher
    if teacher:
        decides["teacher"] = lineage.origin(teacher)

    def teach(listen: Listener) -> Model:
        taught = _taught(request, teacher, data, settings, seed) if teacher else None
        return learn(request.loaded, data, settings, seed, taught, listen)

    return Learner(request, data.name, seed, "task-distill" if teacher else "finetune", decides, teach)


def _taught(request: Request, teacher: str, data: TaskData, settings: TextSettings, seed: int) -> Logits:
    """What a fine-tuned teacher makes of the training texts."""
    learner = _learner(replace(request, model=teacher, teacher=None), data, settings, seed)
    return scores(learner.model, data.splits["train"], settings)[0]


def _asked(learner: Learner, data: TaskData, settings: TextSettings, frame: TaskRecord) -> TaskRecord:
    scored, too_long = scores(learner.model, data.splits[frame.split], settings)
    learner.publish(frame)
    made = _scored(frame, data, answers(scored, data))
    return replace(made, too_long=too_long, seconds=learner.seconds, model=learner.key, config=plain(settings))


def _by(frame: TaskRecord, data: TaskData, answer: Callable[[], np.ndarray]) -> TaskRecord:
    return _scored(frame, data, answer())


def _scored(frame: TaskRecord, data: TaskData, predicted: np.ndarray) -> TaskRecord:
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
    return TaskRecord(
        suite=suite,
        task=data.name,
        split=split,
        system=request.system,
        role=request.role,
        method=method,
        seed=seed,
        metrics=dict.fromkeys(metrics),
        headline=tasks.get(data.name).metrics,
        labels=data.labels,
        learnt=len(data.splits["train"]),
        samples=data.samples,
        resources=request.resources,
        fingerprint=data.fingerprint,
    )


def _untrained(request: Request, data: TaskData, settings: TextSettings) -> Iterator[TaskRecord]:
    """The encoder as it is: under a linear classifier, and under a head that has learnt nothing."""
    methods: dict[str, Callable[[str, int], np.ndarray]] = {
        "frozen, linear probe": lambda split, seed: baselines.probe(request.loaded, data, split, settings),
        "untrained head": lambda split, seed: answers(
            scores(with_text_head(request.loaded, data.labels, seed), data.splits[split], settings)[0], data
        ),
    }
    decides = {"model": request.origin, "data": data.fingerprint, "limit": settings.limit}
    for method, answer in methods.items():
        for seed in request.seeds if method == "untrained head" else request.seeds[:1]:
            for split in data.scored:
                frame = _frame(request, data, "sst2", split, method, seed, BINARY)
                request.watched(data.name, seed, method)
                yield kept(request, frame, decides, partial(_by, frame, data, partial(answer, split, seed)))


def _classic(request: Request, data: TaskData) -> Iterator[TaskRecord]:
    for method, answer in {"tf-idf + logistic regression": baselines.tfidf, "NB-SVM": baselines.nb_svm}.items():
        for split in data.scored:
            frame = _frame(request, data, "sst2", split, method, request.seeds[0], BINARY)
            frame = replace(frame, system=method, role="baseline", resources=Resources())
            request.watched(data.name, frame.seed, method)
            decides = {"data": data.fingerprint}
            yield kept(request, frame, decides, partial(_by, frame, data, partial(answer, data, split)))
