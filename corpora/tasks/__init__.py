"""Tasks on whole texts, by which finkd measures what a student of a domain has lost of the language in general."""

from __future__ import annotations

from finkd.corpora.errors import DataError, UnavailableError
from finkd.corpora.hub import from_hub
from finkd.corpora.locate import availability, finder, is_offline
from finkd.corpora.registry import Registry
from finkd.corpora.tasks.task import Example, TaskData, TextTask

tasks: Registry[TextTask] = Registry(
    "tasks",
    {
        "cola": ("finkd.corpora.tasks.glue:COLA", "GLUE: acceptable English or not"),
        "sst-2": ("finkd.corpora.tasks.glue:SST2", "GLUE: sentiment of film reviews"),
        "mrpc": ("finkd.corpora.tasks.glue:MRPC", "GLUE: paraphrases in news"),
        "qqp": ("finkd.corpora.tasks.glue:QQP", "GLUE: questions that ask the same"),
        "sts-b": ("finkd.corpora.tasks.glue:STSB", "GLUE: likeness of two sentences, 0 to 5"),
        "mnli": ("finkd.corpora.tasks.glue:MNLI", "GLUE: whether a sentence follows from another, in ten genres"),
        "qnli": ("finkd.corpora.tasks.glue:QNLI", "GLUE: whether a sentence answers a question"),
        "rte": ("finkd.corpora.tasks.glue:RTE", "GLUE: whether a sentence follows from another, in news"),
        "wnli": ("finkd.corpora.tasks.glue:WNLI", "GLUE: what a pronoun stands for"),
        "imdb": ("finkd.corpora.tasks.imdb:IMDB", "sentiment of long film reviews"),
    },
)


def load_task(name: str) -> TaskData:
    """Load a task: from its files in ``FINKD_DATA`` or the cache, else all of it from the hub.

    Raises:
        UnknownNameError: if there is no such task.
        DataError: if a file or the hub's data break the task's format.
        UnavailableError: if it is neither here nor on the hub.
    """
    task = tasks.get(name)
    if availability(task) == "here":
        return TaskData(name, task.read(finder(task)), task.samples, task.labels)
    splits = {split: _from_hub(task, each) for split, each in task.hub.splits.items()}
    return TaskData(name, splits, labels=task.labels)


def _from_hub(task: TextTask, split: str) -> list[Example]:
    """One of the hub's splits, its examples with a label."""
    where = f"{task.hub.path} {task.hub.config or ''} {split}".replace("  ", " ")
    files, todo = ", ".join(task.files), "set FINKD_DATA to a folder that holds them"
    if is_offline():
        raise UnavailableError(f"{task.name}: {files} not found, and HF_HUB_OFFLINE forbids to ask the hub; {todo}")
    try:
        rows = list(from_hub(where, task.hub.path, task.hub.config, split))
    except UnavailableError as error:
        raise UnavailableError(f"{task.name}: {files} not found, and {error}; {todo}") from error
    missing = [name for name in (*task.hub.texts, task.hub.label) if name not in rows[0]] if rows else []
    if missing:
        raise DataError(f"{where}: no column {', '.join(missing)} (its columns: {', '.join(rows[0])})")
    found = []
    for number, row in enumerate(rows):
        label = float(row[task.hub.label])
        if task.labels and label not in range(len(task.labels)):
            raise DataError(
                f"{where}: row {number}: label {row[task.hub.label]!r}, expected 0 to {len(task.labels) - 1}"
            )
        first_text, second_text = (*(str(row[name]) for name in task.hub.texts), "")[:2]
        found.append(Example(first_text, second_text, label))
    return found
