"""Records of general tasks: one versioned JSON file per system, task, split and seed."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finkd.record_files import files_below, read_record, records_in, write_record
from finkd.records import Resources

VERSION = 2
SUFFIX = ".task.json"
KEPT = (f"*{SUFFIX}", "tasks.jsonl")
"""File names of task records: one record in a file, or one in each line."""
_PRINTED = ("suite", "task", "split", "system", "role", "method", "seed", "metrics", "learnt", "too_long", "samples")
_NAMED = ("task record", "evaluate the model again")


@dataclass(frozen=True)
class TaskRecord:
    """Results of one system on one split of a general task.

    Attributes:
        suite: name of the suite, such as ``"glue"``.
        task: name of the task within it.
        split: the scored split.
        system: name of the model.
        role: ``"baseline"``, ``"teacher"`` or ``"student"``.
        method: of prediction, such as ``"fine-tuned"``.
        seed: of everything random.
        metrics: name -> value; ``None`` if undefined.
        headline: names of the metrics whose mean is the score.
        labels: names of the classes; empty if the answer is not a class.
        gold: (examples,) gold classes or numbers.
        predicted: (examples,) predicted ones.
        texts: (examples,) generated texts.
        learnt: number of training examples.
        too_long: number of scored texts longer than the model's limit.
        samples: splits of the task that are samples of the published ones.
        seconds: of training.
        resources: size of the system.
        fingerprint: hash of the task's data.
        config: resolved settings.
        environment: versions, processor, threads, precision.
        origin: address of the model that was tried, before it learned the task; empty of a baseline.
        model: address of the fine-tuned model in the store, if there is one.
        stages: addresses there of the stages that made the system, and its teachers, before it learned the task.
        key: address of everything that decides the record, which is computed once.
        version: of this format.
    """

    suite: str
    task: str
    split: str
    system: str
    role: str
    method: str
    seed: int
    metrics: Mapping[str, float | None]
    headline: tuple[str, ...]
    labels: tuple[str, ...] = ()
    gold: tuple[float, ...] = ()
    predicted: tuple[float, ...] = ()
    texts: tuple[str, ...] = ()
    learnt: int = 0
    too_long: int = 0
    samples: tuple[str, ...] = ()
    seconds: float = 0.0
    resources: Resources = field(default_factory=Resources)
    fingerprint: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    origin: str = ""
    model: str = ""
    stages: tuple[str, ...] = ()
    key: str = ""
    version: int = VERSION

    @property
    def id(self) -> str:
        """Name of this record in reports."""
        return f"{self.suite}/{self.task}/{self.split}/{self.system}/{self.method}/seed-{self.seed}"

    @property
    def score(self) -> float | None:
        """Mean of the official metrics; ``None`` if one is undefined."""
        found = [self.metrics[name] for name in self.headline]
        known = [value for value in found if value is not None]
        return statistics.fmean(known) if len(known) == len(found) and known else None

    @property
    def figures(self) -> dict[str, Any]:
        """What ``--json`` prints of it: not the answers to single examples."""
        return {"id": self.id, "score": self.score, **{key: getattr(self, key) for key in _PRINTED}}

    def save(self, path: Path) -> None:
        """Write the record as JSON, atomically."""
        write_record(self, path, indent=None)

    @classmethod
    def load(cls, path: Path) -> TaskRecord:
        """Read a record.

        Raises:
            DataError: if the file is not a record of this version.
        """
        return read_record(cls, path, VERSION, *_NAMED)


def load_task_records(paths: Iterable[Path]) -> list[TaskRecord]:
    """Read the task records of files and folders, in order of suite, task, split, system, method and seed.

    Raises:
        DataError: if one cannot be read.
    """
    files = [file for file in files_below(paths, KEPT) if any(map(file.match, KEPT))]
    found = [record for file in files for record in records_in(TaskRecord, file, VERSION, *_NAMED)]
    return sorted(found, key=lambda r: (r.suite, r.task, r.split, r.system, r.method, r.seed))
