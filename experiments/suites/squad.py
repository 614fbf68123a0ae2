"""SQuAD: fine-tune a model to answer questions on a paragraph, and score it by the official rules."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from finkd.corpora.errors import ConfigError
from finkd.corpora.tasks.questions import Question, QuestionData, load_questions
from finkd.experiments.suites.learner import Learner
from finkd.experiments.suites.records import computed_once
from finkd.experiments.suites.request import Request, chosen
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
    return list(_records(request, *prepared(request)))


def prepared(request: Request) -> tuple[QuestionData, AnswerSettings]:
    """Return the questions and the settings.

    Raises:
        FinkdError: if the data are nowhere or broken, a setting is wrong, or the teacher has another tokenizer.
    """
    chosen(request, ["squad"])
    settings = dict(request.settings)
    data = load_questions(settings.pop("data", None))
    if not can_be_taught(request):
        raise ConfigError(
            f"--teacher: {request.teacher} tokenizes text differently than {request.model}; where an answer begins and "
            "ends can be taught only within one tokenizer"
        )
    return data, build(AnswerSettings, settings, "")


def can_be_taught(request: Request) -> bool:
    """Return whether the model has the tokenizer of its teacher, if there is one."""
    if not request.teacher:
        return True
    return load_model(request.teacher).tokenizer.fingerprint == request.loaded.tokenizer.fingerprint


def _records(request: Request, data: QuestionData, settings: AnswerSettings) -> Iterator[TaskRecord]:
    for seed in request.seeds:
        frame = request.frame(
            *("squad", data, "validation", request.method, seed),
            metrics=dict.fromkeys((*_METRICS, *(_UNANSWERABLE if data.has_unanswerable else ()))),
            headline=_METRICS,
            learnt=len(data.splits["train"]),
            resources=request.resources,
        )
        train = partial(_train, questions=data.splits["train"])
        learner = Learner(request, data, settings, seed, train, replace(settings, bits=0), _teacher)
        yield computed_once(request, frame, learner.decides, partial(_asked, learner, data.splits["validation"], frame))


def _teacher(learner: Learner, listen: Listener) -> Model | None:
    return None if learner.teacher is None else learner.teacher.model


def _train(learner: Learner, teacher: Model | None, listen: Listener, questions: Sequence[Question]) -> Model:
    checkpoints = learner.checkpoints("task")
    return learn_answers(
        learner.request.loaded, questions, learner.settings, learner.seed, listen, teacher, checkpoints
    )


def _asked(learner: Learner, questions: Sequence[Question], frame: TaskRecord) -> TaskRecord:
    found, too_long = answer(learner.model, questions, learner.settings)
    return learner.noted(scored(frame, questions, found), too_long)


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
