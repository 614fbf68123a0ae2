"""Run records: one versioned JSON file per system and seed, from which reports are made."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finkd.corpora.errors import DataError
from finkd.record_files import files_below, read_record, records_in, write_record
from finkd.scores import NerScores
from finkd.scores import figures as score_figures

VERSION = 2
SUFFIX = ".record.json"
KEPT = (f"*{SUFFIX}", "records.jsonl")
"""File names of run records: one record in a file, or one in each line."""
HELD_OUT = "held-out"
"""Split of a record that was scored on raw text against the tags of a teacher, not against gold."""
_PRINTED = ("experiment", "system", "role", "strategy", "corpus", "split", "seed")
_NAMED = ("run record", "run the experiment again")


@dataclass(frozen=True)
class Resources:
    """Size and speed of a system; ``None`` if it does not apply (baselines have no parameters).

    Attributes:
        parameters: number of weights.
        embedding_parameters: of these, in the token embeddings.
        bytes: size of the saved model folder.
        latency_ms: percentile (``"p10"`` to ``"p99"``) -> milliseconds per sentence at batch 1 on one thread, with
            tokenization.
        words_per_second: in batches of 32 on all threads.
        peak_memory: of the process, in bytes.
        machine_busy: True if other work ran on the machine during the measurement.
    """

    parameters: int | None = None
    embedding_parameters: int | None = None
    bytes: int | None = None
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    words_per_second: float | None = None
    peak_memory: int | None = None
    machine_busy: bool = False


@dataclass(frozen=True)
class StageRecord:
    """Stage of a system's lineage.

    Attributes:
        kind: kind of stage, such as ``"finetune"``.
        key: content address of its result in the store.
        config: its resolved settings.
        seconds: time of its computation.
        tokens: non-padding tokens that the trained model read.
        cached: True if the process that wrote the record found the result in the store. A kill changes this and
            ``seconds``, and nothing else of a record.
        losses: some of the training losses, each with the share of the training that was done.
        bytes: size of its result on disk; ``None`` in records of earlier versions.
    """

    kind: str
    key: str
    config: Mapping[str, Any]
    seconds: float
    tokens: int
    cached: bool
    losses: tuple[tuple[float, float], ...] = ()
    bytes: int | None = None


@dataclass(frozen=True)
class RunRecord:
    """Results of one system, on one corpus, with one seed.

    Attributes:
        experiment: name of the experiment.
        system: name of the system within it; unique together with the seed.
        role: ``"baseline"``, ``"teacher"`` or ``"student"``.
        strategy: its stages as text, empty for baselines.
        corpus: name of the corpus.
        split: the scored split.
        seed: of everything random.
        scores: strict NER scores.
        extra_splits: scores on other splits, on which nothing was chosen.
        resources: size and speed.
        lineage: stages from the first to the last.
        teachers: stages of teachers that are not systems of the experiment, without those of its own lineage.
        vocabulary: ``{"name", "algorithm", "size"}`` of its tokenizer and the figures of the shift analysis.
        corpora: fingerprint of each corpus and text used.
        texts: ``"text"`` and ``"general"`` -> number of sentences drawn, at most that of the configuration.
        config: the resolved run configuration.
        environment: versions, processor, threads, precision.
        overlap: share of scored sentences that are also in the training split.
        sample: True if the corpus is finkd's own sample, whose scores say nothing about real text.
        version: of this format.

    Example:
        >>> import finkd
        >>> record = finkd.load_records(["records"])[0]
        >>> record.id, record.scores.micro.f1
        ('small/sample/student/seed-1', 0.7)
    """

    experiment: str
    system: str
    role: str
    strategy: str
    corpus: str
    split: str
    seed: int
    scores: NerScores
    extra_splits: Mapping[str, NerScores] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    lineage: tuple[StageRecord, ...] = ()
    teachers: tuple[StageRecord, ...] = ()
    vocabulary: Mapping[str, Any] = field(default_factory=dict)
    corpora: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, int] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    overlap: float = 0.0
    sample: bool = False
    version: int = VERSION

    @property
    def id(self) -> str:
        """Name of this record in reports."""
        return f"{self.experiment}/{self.corpus}/{self.system}/seed-{self.seed}"

    @property
    def figures(self) -> dict[str, Any]:
        """What ``--json`` prints of it: not the counts of single documents."""
        return {
            **{key: getattr(self, key) for key in _PRINTED},
            "scores": score_figures(self.scores),
            "resources": dataclasses.asdict(self.resources),
            "stages": [dataclasses.asdict(stage) for stage in self.lineage],
        }

    def save(self, path: Path) -> None:
        """Write the record as JSON, atomically."""
        write_record(self, path)

    @classmethod
    def load(cls, path: Path) -> RunRecord:
        """Read a record.

        Raises:
            DataError: if the file is not a record of this version.
        """
        return read_record(cls, path, VERSION, *_NAMED)


def load_records(paths: Iterable[Path | str]) -> list[RunRecord]:
    """Read the run records of files and folders, in order of experiment, corpus, system and seed.

    Args:
        paths: folders, files with one record (``.record.json``), or files with one in each line (``.jsonl``).

    Raises:
        DataError: if there is none, or one cannot be read.

    Example:
        >>> import finkd
        >>> [(record.system, record.seed) for record in finkd.load_records(["records"])]
        [('student', 1), ('student', 2), ('teacher', 1), ('teacher', 2)]
    """
    roots = [Path(each) for each in paths]
    files = files_below(roots, KEPT)
    if not files:
        raise DataError(f"{', '.join(map(str, roots))}: no run records ({', '.join(KEPT)}); run an experiment first")
    found = [record for file in files for record in records_in(RunRecord, file, VERSION, *_NAMED)]
    return sorted(found, key=lambda r: (r.experiment, r.corpus, r.system, r.seed))
