"""Records of general tasks made by hand, with figures that are easy to check."""

from dataclasses import replace

from finkd.records import Resources
from finkd.suites.record import TaskRecord

HEADLINES = {
    "mrpc": ("f1", "accuracy"),
    "dialogsum": ("rouge1", "rouge2", "rougeL"),
    "xquad-en": ("exact", "f1"),
    "sts-b": ("seconds",),
}
KEPT = ("cola", "mrpc", "imdb")
PARAMETERS = {"teacher": 22_000_000, "student": 8_000_000, "phi-2": 2_780_000_000}


def task_record(suite, task, system, metrics, **fields):
    """One record."""
    role = "teacher" if system in ("teacher", "phi-2") else "student"
    size = PARAMETERS.get(system)
    defaults = {
        "split": "validation",
        "role": role,
        "method": "fine-tuned",
        "seed": 1,
        "headline": HEADLINES.get(task, ("accuracy",)),
        "resources": Resources(parameters=size, bytes=None if size is None else 4 * size),
        "environment": {"python": "3.11"},
        "fingerprint": task,
        "config": {"long": "head+tail", "limit": 256},
        "learnt": 100,
    }
    return TaskRecord(suite=suite, task=task, system=system, metrics=metrics, **{**defaults, **fields})


def task_records():
    """A teacher, a student with two seeds and some baselines on every suite."""
    made = [
        task_record("glue", "mrpc", "teacher", {"f1": 0.9, "accuracy": 0.86}, too_long=3),
        task_record("glue", "mnli", "teacher", {"accuracy": 0.8}, split="matched", samples=("train",)),
        task_record("glue", "mnli", "teacher", {"accuracy": 0.82}, split="mismatched", samples=("train",)),
        task_record("glue", "mnli", "student", {"accuracy": 0.7}, split="matched", samples=("train",)),
        task_record("imdb", "imdb", "teacher", {"accuracy": 0.9}, split="test", samples=("train", "test")),
        task_record("imdb", "imdb", "student", {"accuracy": 0.88}, split="test", samples=("train", "test")),
    ]
    for system, score, seconds in (("teacher", 0.3, 12.0), ("student", 0.15, 4.0)):
        made.append(task_record("glue", "cola", system, {"accuracy": score}))
        made.append(task_record("inference", "sts-b", system, {"seconds": seconds}, method="one core"))
    for seed, f1 in ((1, 0.8), (2, 0.84)):
        made.append(task_record("glue", "mrpc", "student", {"f1": f1, "accuracy": f1 - 0.04}, seed=seed))
    sentiment = {"gold": (0, 0, 1, 1), "labels": ("negative", "positive")}
    for system, said, fields in (
        ("teacher", (0, 0, 1, 1), {}),
        ("student", (0, 1, 1, 0), {}),
        ("NB-SVM", (0, 1, 1, 1), {"role": "baseline", "method": "NB-SVM", "resources": Resources()}),
    ):
        right = sum(a == b for a, b in zip(said, sentiment["gold"], strict=True)) / 4
        metrics = {"accuracy": right, "precision": right, "recall": right, "f1": right}
        made.append(task_record("sst2", "sst-2", system, metrics, predicted=said, **sentiment, **fields))
    for system, exact, f1 in (("teacher", 0.5, 0.6), ("student", 0.4, 0.5)):
        made.append(task_record("squad", "xquad-en", system, {"exact": exact, "f1": f1}, too_long=9))
    rouge = {"rouge1": 0.25, "rouge2": 0.05, "rougeL": 0.2, "rougeLsum": 0.2, "bleu": 0.08}
    writes = {"suite": "summarization", "task": "dialogsum", "split": "test"}
    baseline = {"role": "baseline", "method": "lead-3", "learnt": 0, "texts": ("a b", "c")}
    made.append(task_record(system="lead-3", metrics=rouge, **writes, **baseline, samples=("train",)))
    made.append(
        task_record(
            system="phi-2",
            metrics=dict.fromkeys(rouge),
            method="zero-shot, nf4, greedy",
            **writes,
            learnt=0,
            samples=("train",),
            resources=Resources(2_780_000_000, None, 1_800_000_000, {}, 1.5, 6_000_000_000),
        )
    )
    said = {"teacher": (0.0, 0.0, 1.0, 1.0), "student": (0.0, 1.0, 1.0, 1.0)}
    return [
        replace(each, gold=(0.0, 0.0, 1.0, 1.0), predicted=said[each.system]) if each.task in KEPT else each
        for each in made
    ]
