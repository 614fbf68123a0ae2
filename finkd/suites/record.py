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
"""Names of files with records of tasks: one record, or one in each line."""
_NAMED = ("task record", "evaluate the model again")


@dataclass(frozen=True)
class TaskRecord:
    """What one system does on one split of a general task.

    Attributes:
        suite: name of the suite, such as ``"glue"``.
        task: name of the task within it.
        split: what was scored.
        system: name of the model.
        role: ``"baseline"``, ``"teacher"`` or ``"student"``.
        method: how it came to its answers, such as ``"fine-tuned"``.
        seed: of everything random.
        metrics: name -> value; ``None`` where nothing was scored.
        headline: names of the metrics whose mean is the score.
        labels: names of the classes, none where the answer is no class.
        gold: (examples,) what is right, where it is a class or a number.
        predicted: (examples,) what the system says.
        texts: (examples,) what it wrote, where the answer is a text.
        learnt: training examples.
        too_long: scored texts of which it could not read all at once.
        samples: splits of the task that are only samples of the published ones.
        seconds: of its training.
        resources: its size.
        fingerprint: hash of the task's data.
        config: resolved settings.
        environment: versions, processor, threads, precision.
        model: address of the fine-tuned model in the store, if there is one.
        key: address of everything that decides the record; the same again is not computed twice.
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
    model: str = ""
    key: str = ""
    version: int = VERSION

    @property
    def id(self) -> str:
        """Name by which reports trace a cell to this record."""
        return f"{self.suite}/{self.task}/{self.split}/{self.system}/{self.method}/seed-{self.seed}"

    @property
    def score(self) -> float | None:
        """Mean of the official metrics; ``None`` if nothing was scored."""
        found = [self.metrics[name] for name in self.headline]
        known = [value for value in found if value is not None]
        return statistics.fmean(known) if len(known) == len(found) and known else None

    def save(self, path: Path) -> None:
        """Write the record as JSON, whole or not at all."""
        write_record(self, path, indent=None)

    @classmethod
    def load(cls, path: Path) -> TaskRecord:
        """Read a record.

        Raises:
            DataError: if the file is not a record of this version.
        """
        return read_record(cls, path, VERSION, *_NAMED)


def load_task_records(paths: Iterable[Path]) -> list[TaskRecord]:
    """All records of tasks below the given files and folders, by suite, task, split, system, method and seed.

    Raises:
        DataError: if one cannot be read.
    """
    files = [file for file in files_below(paths, KEPT) if any(map(file.match, KEPT))]
    found = [record for file in files for record in records_in(TaskRecord, file, VERSION, *_NAMED)]
    return sorted(found, key=lambda r: (r.suite, r.task, r.split, r.system, r.method, r.seed))
