"""SQuAD: fine-tune a model to answer questions on a paragraph, and score it by the official rules."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from finkd.corpora.errors import ConfigError
from finkd.corpora.tasks.questions import Question, QuestionData, load_questions
from finkd.execution import lineage
from finkd.experiments.suites.request import Learner, Request, chosen, kept, plain
from finkd.models.loading import load_model
from finkd.models.model import Model
from finkd.progress import Listener
from finkd.settings import build
from finkd.suites import metrics as official
from finkd.suites.answers import Answer, AnswerSettings, answer, learn_answers
from finkd.suites.record import TaskRecord

_METRICS = ("exact", "f1")
_UNANSWERABLE = ("f1_with_answer", "f1_without_answer", "threshold")


def squad(request: Request) -> list[TaskRecord]:
    """Learn the training questions, answer those of the validation split.

    The setting ``data`` names a folder with ``train*.json`` and ``dev*.json`` of SQuAD, of either version; without one
    XQuAD's 1,190 questions are split by article.
    """
    chosen(request, ["squad"])
    settings = dict(request.settings)
    data = load_questions(settings.pop("data", None))
    return list(_records(request, data, build(AnswerSettings, settings, "")))


def _records(request: Request, data: QuestionData, settings: AnswerSettings) -> Iterator[TaskRecord]:
    if request.teacher:
        tokenizers = (load_model(request.teacher).tokenizer, request.loaded.tokenizer)
        if tokenizers[0].fingerprint != tokenizers[1].fingerprint:
            raise ConfigError(
                f"--teacher: {request.teacher} cuts text otherwise than {request.model}; where an answer begins and "
                "ends can be taught only within one tokenizer"
            )
    for seed in request.seeds:
        frame = TaskRecord(
            suite="squad",
            task=data.name,
            split="validation",
            system=request.system,
            role=request.role,
            method=f"distilled from {Path(request.teacher).name}" if request.teacher else "fine-tuned",
            seed=seed,
            metrics=dict.fromkeys((*_METRICS, *(_UNANSWERABLE if data.has_unanswerable else ()))),
            headline=_METRICS,
            learnt=len(data.splits["train"]),
            samples=data.samples,
            resources=request.resources,
            fingerprint=data.fingerprint,
            config=plain(settings),
        )
        learner = _learner(request, data, settings, seed)
        yield kept(request, frame, learner.decides, partial(_asked, learner, data, settings, frame))


def _learner(request: Request, data: QuestionData, settings: AnswerSettings, seed: int) -> Learner:
    decides: dict[str, Any] = {"model": request.origin, "data": data.fingerprint, "settings": plain(settings)}
    if request.teacher:
        decides["teacher"] = lineage.origin(request.teacher)
    taught_by = replace(request, model=request.teacher, teacher=None) if request.teacher else None

    def teach(listen: Listener) -> Model:
        teacher = _learner(taught_by, data, settings, seed).model if taught_by else None
        return learn_answers(request.loaded, data.splits["train"], settings, seed, listen, teacher)

    return Learner(request, data.name, seed, "task-distill" if taught_by else "finetune", decides, teach)


def _asked(learner: Learner, data: QuestionData, settings: AnswerSettings, frame: TaskRecord) -> TaskRecord:
    asked = data.splits["validation"]
    found, too_long = answer(learner.model, asked, settings)
    learner.publish(frame)
    return replace(scored(frame, asked, found), too_long=too_long, seconds=learner.seconds, model=learner.key)


def scored(frame: TaskRecord, asked: Sequence[Question], found: Sequence[Answer]) -> TaskRecord:
    """Return the record with its metrics; where questions may have no answer, at the threshold that is best for F1."""
    gold = [[text for text, _ in question.answers] for question in asked]
    said = [each.text for each in found]
    metrics: dict[str, float | None] = {}
    if "threshold" in frame.metrics:
        f1s = [official.f1(text, right) for text, right in zip(said, gold, strict=True)]
        empty = [not right for right in gold]
        threshold = official.best_threshold([each.no_answer for each in found], f1s, empty)
        metrics["threshold"] = threshold
        said = [each.text if each.no_answer <= threshold else "" for each in found]
    exact = [official.exact(text, right) for text, right in zip(said, gold, strict=True)]
    f1s = [official.f1(text, right) for text, right in zip(said, gold, strict=True)]
    metrics |= {"exact": statistics.fmean(exact), "f1": statistics.fmean(f1s)}
    if "threshold" in frame.metrics:
        for name, wanted in (("f1_with_answer", True), ("f1_without_answer", False)):
            part = [value for value, right in zip(f1s, gold, strict=True) if bool(right) is wanted]
            metrics[name] = statistics.fmean(part) if part else None
    return replace(
        frame, metrics={name: metrics[name] for name in frame.metrics}, texts=tuple(said), predicted=tuple(f1s)
    )
