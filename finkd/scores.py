"""Scores of named entities: counts, from which all of them follow, and how far their probabilities can be trusted."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

SCORE_GROUPS = 60
"""Most groups of ``NerScores.by_score``."""
CALIBRATION_BINS = 15
"""As Guo et al. (arXiv 1706.04599, section 3) have."""


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


def together(seeds: Iterable[tuple[ScoreGroup, ...]]) -> tuple[ScoreGroup, ...]:
    """Return the groups of several seeds in one, the surest first; of seeds that predict the same, one counts."""
    groups = (group for each in dict.fromkeys(seeds) for group in each)
    return tuple(sorted(groups, key=lambda group: -group.score))


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
