"""Run records: one versioned JSON file per system and seed, which holds everything that a report may say about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finkd.corpora.errors import DataError
from finkd.record_files import files_below, read_record, records_in, write_record

VERSION = 2
KEPT = ("*.record.json", "records.jsonl")
"""Names of files with run records: one record, or one in each line."""
_NAMED = ("run record", "run the experiment again")


@dataclass(frozen=True)
class Counts:
    """Entities counted over a split, from which every score follows; a score of nothing is undefined, not 0.

    Attributes:
        correct: predicted entities whose border and type are both right.
        predicted: entities that the system predicted.
        gold: entities in the gold standard (the support).
    """

    correct: int
    predicted: int
    gold: int

    @property
    def precision(self) -> float | None:
        """Share of the predicted entities that are right; undefined without predictions."""
        return self.correct / self.predicted if self.predicted else None

    @property
    def recall(self) -> float | None:
        """Share of the gold entities that were found; undefined without gold."""
        return self.correct / self.gold if self.gold else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall, 2c / (p + g); undefined with neither gold nor predictions."""
        total = self.predicted + self.gold
        return 2 * self.correct / total if total else None


@dataclass(frozen=True)
class NerScores:
    """Strict entity scores of one system on one split.

    Attributes:
        per_type: counts of each entity type; micro and macro scores follow from them.
        names_only: counts without the surfaces that a corpus lists as roles rather than names, or ``None``.
        unseen: counts of the entities with a word that the training split does not hold, or ``None``.
        per_document: counts by document, for paired bootstraps.
        words: scored words.
        uncovered_words: words that no token of the model's tokenizer covers; they count as O.
    """

    per_type: Mapping[str, Counts]
    names_only: Counts | None = None
    unseen: Counts | None = None
    per_document: Mapping[str, Counts] = field(default_factory=dict)
    words: int = 0
    uncovered_words: int = 0

    @property
    def micro(self) -> Counts:
        """All types added up."""
        return total(self.per_type.values())

    @property
    def macro_f1(self) -> float | None:
        """Mean F1 over the types that occur in gold; undefined if none does."""
        scores = [counts.f1 or 0.0 for counts in self.per_type.values() if counts.gold]
        return sum(scores) / len(scores) if scores else None


@dataclass(frozen=True)
class Resources:
    """What a system takes to store and run; ``None`` where it does not apply (baselines have no parameters).

    Attributes:
        parameters: weights in total.
        embedding_parameters: of these, in the token embedding matrix.
        bytes: size of the saved model folder.
        latency_ms: percentile (``"p10"`` to ``"p99"``) -> milliseconds per sentence at batch 1 on one thread,
            tokenizing included.
        words_per_second: batch 32, all threads.
        peak_memory: most bytes of memory that the process held while it ran.
        machine_busy: True if other work ran on the machine while this was measured.
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
    """One stage of a system's lineage.

    Attributes:
        kind: kind of stage, such as ``"finetune"``.
        key: content address of its result in the store.
        config: its resolved settings.
        seconds: time it took when it was computed.
        tokens: non-padding tokens that the trained model saw.
        cached: True if the process that wrote the record took the result from the store. It tells who computed a stage
            and not what came of it, so that a kill changes it, as it changes ``seconds``, and nothing else of a record.
        losses: some of the losses of its training, each with the share of the training that was done.
    """

    kind: str
    key: str
    config: Mapping[str, Any]
    seconds: float
    tokens: int
    cached: bool
    losses: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class RunRecord:
    """One system, on one corpus, with one seed.

    Attributes:
        experiment: name of the experiment that compares the systems.
        system: name of the system within it; unique together with the seed.
        role: ``"baseline"``, ``"teacher"`` or ``"student"``.
        strategy: its stages in the textual form, empty for baselines.
        corpus: corpus name.
        split: split that was scored.
        seed: seed of everything random.
        scores: strict NER scores.
        extra_splits: the same on other splits, on which nothing was chosen.
        resources: sizes and speeds.
        lineage: stages from the first to the last.
        teachers: stages that made teachers for it, and for no system of the experiment, as far as its own lineage does
            not hold them.
        vocabulary: ``{"name", "algorithm", "size"}`` of its tokenizer and the figures of the shift analysis.
        corpora: fingerprint of each corpus and text used.
        texts: ``"text"`` and ``"general"`` -> sentences drawn, which may be fewer than the configuration asks for.
        config: the resolved run configuration.
        environment: versions, processor, threads, precision.
        overlap: share of scored sentences that also stand in the training split.
        sample: True if the corpus is finkd's own sample, whose scores say nothing about real text.
        version: version of this format.
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
        """Name by which reports trace a cell to this record."""
        return f"{self.experiment}/{self.corpus}/{self.system}/seed-{self.seed}"

    def save(self, path: Path) -> None:
        """Write the record as JSON, whole or not at all."""
        write_record(self, path)

    @classmethod
    def load(cls, path: Path) -> RunRecord:
        """Read a record.

        Raises:
            DataError: if the file is not a record of this version.
        """
        return read_record(cls, path, VERSION, *_NAMED)


def load_records(paths: Iterable[Path]) -> list[RunRecord]:
    """All records in the given files and below the given folders, in the order of experiment, corpus, system and seed.

    Args:
        paths: folders, files with one record (``.record.json``), files with one in each line (``.jsonl``).

    Raises:
        DataError: if there is none, or one cannot be read.
    """
    roots = list(paths)
    files = files_below(roots, KEPT)
    if not files:
        raise DataError(f"{', '.join(map(str, roots))}: no run records ({', '.join(KEPT)}); run an experiment first")
    found = [record for file in files for record in records_in(RunRecord, file, VERSION, *_NAMED)]
    return sorted(found, key=lambda r: (r.experiment, r.corpus, r.system, r.seed))


def total(counts: Iterable[Counts]) -> Counts:
    """Counts added up."""
    rows = list(counts)
    return Counts(sum(c.correct for c in rows), sum(c.predicted for c in rows), sum(c.gold for c in rows))


def figures(scores: NerScores) -> dict[str, Any]:
    """Scores as plain values: micro, macro and per type, each with the counts behind it."""
    return {
        "micro": _figures(scores.micro),
        "macro_f1": scores.macro_f1,
        "per_type": {name: _figures(counts) for name, counts in scores.per_type.items()},
        "names_only": None if scores.names_only is None else _figures(scores.names_only),
        "unseen": None if scores.unseen is None else _figures(scores.unseen),
        "words": scores.words,
        "uncovered_words": scores.uncovered_words,
    }


def _figures(counts: Counts) -> dict[str, float | None]:
    shares = {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1}
    return {**shares, **dataclasses.asdict(counts)}
