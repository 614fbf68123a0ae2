"""Run records: one versioned JSON file per system and seed, from which reports are made."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from finkd.corpora.errors import DataError
from finkd.record_files import files_below, read_record, records_in, write_record

VERSION = 2
SCORE_GROUPS = 60
"""Most groups of ``NerScores.by_score``."""
CALIBRATION_BINS = 15
"""As Guo et al. (arXiv 1706.04599, section 3) have."""
KEPT = ("*.record.json", "records.jsonl")
"""File names of run records: one record in a file, or one in each line."""
_NAMED = ("run record", "run the experiment again")


@dataclass(frozen=True)
class Counts:
    """Numbers of entities in a split, from which all scores follow.

    Attributes:
        correct: predicted entities whose border and type are both right.
        predicted: predicted entities.
        gold: gold entities (the support).
    """

    correct: int
    predicted: int
    gold: int

    @property
    def precision(self) -> float | None:
        """Share of the predicted entities that are right; ``None`` without predictions."""
        return self.correct / self.predicted if self.predicted else None

    @property
    def recall(self) -> float | None:
        """Share of the gold entities that were found; ``None`` without gold."""
        return self.correct / self.gold if self.gold else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall, 2c / (p + g); ``None`` with neither gold nor predictions."""
        total = self.predicted + self.gold
        return 2 * self.correct / total if total else None


@dataclass(frozen=True)
class ScoreGroup:
    """Predicted entities whose scores are neighbours.

    Attributes:
        score: mean of their scores, the probabilities that the system gives them.
        predicted: their number.
        correct: of these, the entities whose border and type are both right.
    """

    score: float
    predicted: int
    correct: int


def bins(groups: Sequence[ScoreGroup]) -> list[Sequence[ScoreGroup]]:
    """Divide groups into ``CALIBRATION_BINS`` bins of about as many; into fewer if there are fewer groups."""
    count = min(len(groups), CALIBRATION_BINS)
    borders = [place * len(groups) // count for place in range(count + 1)] if count else [0]
    return [groups[start:end] for start, end in pairwise(borders)]


@dataclass(frozen=True)
class NerScores:
    """Strict entity scores of one system on one split.

    Attributes:
        per_type: counts of each entity type; micro and macro scores follow from them.
        names_only: counts without surfaces that a corpus lists as roles, or ``None``.
        unseen: counts of the entities with a word that is not in the training split, or ``None``.
        per_document: counts by document, for paired bootstraps.
        words: number of scored words.
        uncovered_words: of these, words that no token of the model covers; they count as O.
        by_score: predicted entities in groups of the same size, the surest first; empty for systems without scores.
    """

    per_type: Mapping[str, Counts]
    names_only: Counts | None = None
    unseen: Counts | None = None
    per_document: Mapping[str, Counts] = field(default_factory=dict)
    words: int = 0
    uncovered_words: int = 0
    by_score: tuple[ScoreGroup, ...] = ()

    @property
    def calibration_error(self) -> float | None:
        """Mean distance between score and precision over bins of as many entities; ``None`` without scores.

        Expected calibration error with adaptive bins (Nixon et al., arXiv 1904.01685, section 3.2).
        """
        if not self.by_score:
            return None
        off = [abs(sum(g.score * g.predicted - g.correct for g in groups)) for groups in bins(self.by_score)]
        return sum(off) / sum(group.predicted for group in self.by_score)

    @property
    def chance_calibration_error(self) -> float | None:
        """About what ``calibration_error`` would be, were every score exactly right; ``None`` without scores.

        So few entities lie in a bin that chance alone makes precision and score differ: by sqrt(2 / pi) standard
        deviations of the bin's mean, in the mean.
        """
        if not self.by_score:
            return None
        variances = [sum(g.predicted * g.score * (1 - g.score) for g in groups) for groups in bins(self.by_score)]
        off = sum(math.sqrt(2 / math.pi * variance) for variance in variances)
        return off / sum(group.predicted for group in self.by_score)

    @property
    def mean_score(self) -> float | None:
        """Mean score of the predicted entities; ``None`` without scores."""
        predicted = sum(group.predicted for group in self.by_score)
        return sum(group.score * group.predicted for group in self.by_score) / predicted if predicted else None

    @property
    def coverage(self) -> list[tuple[float, float]]:
        """Shares of the predicted entities, the surest first, each with the precision of these (risk and coverage)."""
        every = sum(group.predicted for group in self.by_score)
        points, predicted, correct = [], 0, 0
        for group in self.by_score:
            predicted, correct = predicted + group.predicted, correct + group.correct
            points.append((predicted / every, correct / predicted))
        return points

    def precision_of_surest(self, share: float) -> float | None:
        """Return the precision of a share of the predicted entities, the surest; ``None`` without scores."""
        return next((precision for part, precision in self.coverage if part >= share), None)

    @property
    def reads_nothing(self) -> bool:
        """Whether the system read no word of the split, as a file of predictions of other text does not."""
        return 0 < self.words == self.uncovered_words

    @property
    def micro(self) -> Counts:
        """Counts of all types."""
        return total(self.per_type.values())

    @property
    def macro_f1(self) -> float | None:
        """Mean F1 over the types that occur in gold; ``None`` if none does."""
        scores = [counts.f1 or 0.0 for counts in self.per_type.values() if counts.gold]
        return sum(scores) / len(scores) if scores else None


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


def total(counts: Iterable[Counts]) -> Counts:
    """Return the sum of counts."""
    rows = list(counts)
    return Counts(sum(c.correct for c in rows), sum(c.predicted for c in rows), sum(c.gold for c in rows))


def figures(scores: NerScores) -> dict[str, Any]:
    """Return scores as plain values: micro, macro and per type, each with its counts."""

    def plain(counts: Counts | None) -> dict[str, float | None] | None:
        if counts is None:
            return None
        shares = {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1}
        return {**shares, **dataclasses.asdict(counts)}

    return {
        "micro": plain(scores.micro),
        "macro_f1": scores.macro_f1,
        "per_type": {name: plain(counts) for name, counts in scores.per_type.items()},
        "names_only": plain(scores.names_only),
        "unseen": plain(scores.unseen),
        "words": scores.words,
        "uncovered_words": scores.uncovered_words,
        "calibration_error": scores.calibration_error,
        "chance_calibration_error": scores.chance_calibration_error,
    }
