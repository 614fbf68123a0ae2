"""Significance of differences between systems.

Two things make micro-F1 vary by chance. One is which documents are scored: F1 is a ratio of sums over them, so they are
drawn again and again. The other is the seed of the training. Seeds are too few to be drawn (two that agree would leave
no doubt), so the deviation between them enters with Student's t.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from finkd.records import RunRecord
from finkd.reports.sections import parts
from finkd.scores import Counts

Doubles = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

DRAWS = 10_000
LEVEL = 0.95
POWER = 0.8
_SEED = 20_261_125
AT_ONCE = 4_000_000
"""Numbers that a block of draws may hold."""


@dataclass(frozen=True)
class Noise:
    """How much the difference in micro-F1 between two systems varies by chance.

    Attributes:
        documents: standard error from which documents are scored, which more seeds leave as it is.
        trainings: standard deviation between seeds that is the same for all documents; 0 with one seed, which does not
            tell.
        both: standard error, with one seed, of what a seed changes in single documents.
    """

    documents: float
    trainings: float
    both: float

    @classmethod
    def of(cls, of_each_seed: Doubles) -> Noise:
        """Estimate it from the (1 + draws, seeds) differences of all documents, and then of each draw of documents.

        These are variance components by moments, no less than 0 (Searle, Casella and McCulloch 1992, chapter 3): what
        seeds differ by within a draw tells how much single documents change with the seed.
        """
        seeds = of_each_seed.shape[1]
        of_documents = float(of_each_seed[1:].mean(axis=1).var(ddof=1))
        if seeds == 1:
            return cls(math.sqrt(of_documents), 0.0, 0.0)
        apart = of_each_seed[1:] - of_each_seed[1:].mean(axis=1, keepdims=True)
        both = float(apart.var(axis=0, ddof=1).mean()) * seeds / (seeds - 1)
        trainings = float(of_each_seed[0].var(ddof=1)) - both
        return cls(*(math.sqrt(max(0.0, each)) for each in (of_documents - both / seeds, trainings, both)))

    @property
    def seeds(self) -> float:
        """Standard deviation between seeds on the same documents."""
        return math.hypot(self.trainings, self.both)

    def detectable(self, seeds: int, comparisons: int = 1) -> float:
        """Return the smallest true difference that so many seeds would show with a chance of 80 %.

        It is t d + z e (Cohen 1988, chapter 2). d is the error that the test takes into account, e the whole one; with
        one seed the test knows nothing of ``trainings``. z is the quantile of .8, t that of 1 - .05 / (2 comparisons),
        the first step of Holm's, with the degrees of freedom of Welch and Satterthwaite (``trainings`` are estimated,
        the rest is taken as known).
        """
        tail = (1 - LEVEL) / (2 * comparisons)
        known = math.hypot(self.documents, self.both / math.sqrt(seeds))
        error = math.hypot(known, self.trainings / math.sqrt(seeds))
        of_trainings = self.trainings**2 / seeds
        freedom = (seeds - 1) * (error**2 / of_trainings) ** 2 if seeds > 1 and of_trainings else math.inf
        needed = float(stats.t.isf(tail, freedom)) * (known if seeds == 1 else error)
        return needed + float(stats.norm.ppf(POWER)) * error


@dataclass(frozen=True)
class Comparison:
    """One system against another on the same documents.

    Attributes:
        difference: micro-F1 of the first less that of the second, between -1 and 1: the mean over seeds, or that of all
            folds together.
        low: lower end of the interval of 95 % of that difference.
        high: its upper end.
        p: twice the share of draws on the other side of 0, and no less than what the signs of so few documents allow.
        effect: Cohen's d of the differences between runs of one seed (mean over standard deviation); ``None`` with
            fewer than two seeds or if all differ alike.
        documents: how many were drawn from.
        seeds: how many both have.
        noise: what makes the difference vary.
    """

    difference: float
    low: float
    high: float
    p: float
    effect: float | None
    documents: int
    seeds: int
    noise: Noise


def compare(first: Sequence[RunRecord], second: Sequence[RunRecord]) -> Comparison | None:
    """Paired bootstrap of the difference in micro-F1 over documents (Berg-Kirkpatrick et al. 2012), and its seeds.

    Each draw takes as many documents as there are, with replacement, the same ones for both systems. To each is added a
    draw of Student's t, scaled by the standard error of the mean over seeds. Without noise of documents the interval is
    Student's, without noise of seeds that of the bootstrap.

    Seeds also differ in single documents, and in cross-validation each is scored on documents of its own. The bootstrap
    has that in it, so the deviation between seeds is what they differ by beyond it (``Noise.trainings``).

    Args:
        first: records of one system, one for each seed.
        second: of another, scored on the same text.

    Returns:
        ``None`` if they share no seed, or not all records tell the same two or more documents apart.
    """
    return compare_on_average([(first, second)])


def compare_on_average(systems: Sequence[tuple[Sequence[RunRecord], Sequence[RunRecord]]]) -> Comparison | None:
    """Like ``compare``, for the mean of the differences between several pairs of systems, all drawn alike.

    Args:
        systems: records of the first and of the second system of each pair, at least one.

    Returns:
        ``None`` where ``compare`` returns it for any pair, or pairs differ in their documents or seeds.
    """
    found = [_paired(first, second) for first, second in systems]
    paired = [each for each in found if each is not None]
    if len(paired) < len(found):
        return None
    pairs, documents, are_apart = paired[0]
    if any((each.keys(), names) != (pairs.keys(), documents) for each, names, _ in paired):
        return None
    draw = np.random.default_rng(_SEED)
    sums = _sums([each for each, _, _ in paired], documents, draw)
    of_each_seed = _difference(sums).mean(axis=1)
    mean = _difference(sums.sum(axis=3)).mean(axis=1) if are_apart else of_each_seed.mean(axis=1)
    noise = Noise.of(of_each_seed)
    drawn = mean[1:] + of_seeds(noise.trainings, len(pairs), draw)
    low, high = ends(drawn)
    # A few documents that all agree leave drawing no doubt, but the signs of so many could agree by chance.
    p = max(two_sided(drawn), 2.0 ** (1 - len(documents)))
    effect = _effect(of_each_seed[0].tolist())
    return Comparison(float(mean[0]), low, high, p, effect, len(documents), len(pairs), noise)


def of_seeds(deviation: float, seeds: int, draw: np.random.Generator) -> Doubles | float:
    """Draw what the mean over seeds may be off: Student's t times its standard error; 0 with one seed.

    The draws are its quantiles in random order, so chance adds nothing of its own.

    Args:
        deviation: standard deviation between the seeds.
        seeds: how many there are.
        draw: the source of randomness.
    """
    if seeds < 2:
        return 0.0
    quantiles = stats.t.ppf((np.arange(DRAWS) + 0.5) / DRAWS, seeds - 1)
    return draw.permutation(quantiles) * deviation / math.sqrt(seeds)


def ends(drawn: Doubles) -> tuple[float, float]:
    """Return the ends of the interval of 95 % of what was drawn; NaN is left out."""
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def two_sided(drawn: Doubles) -> float:
    """Return the p-value of a difference: twice the share of its draws on the other side of 0."""
    side = min(int(np.count_nonzero(drawn <= 0)), int(np.count_nonzero(drawn >= 0)))
    return min(1.0, 2 * (side + 1) / (len(drawn) + 1))


_Pairs = Mapping[int, tuple[Mapping[str, Counts], Mapping[str, Counts]]]
"""Counts of both systems by document, for each seed."""


def _paired(first: Sequence[RunRecord], second: Sequence[RunRecord]) -> tuple[_Pairs, list[str], bool] | None:
    """Return both systems' counts by document for each common seed, the documents, and if each seed has its own."""
    ours, theirs = ({record.seed: record for record in records} for records in (first, second))
    seeds = sorted(ours.keys() & theirs.keys())
    pairs = {seed: (ours[seed].scores.per_document, theirs[seed].scores.per_document) for seed in seeds}
    names = [name for mine, _ in pairs.values() for name in mine]
    documents = sorted({*names})
    are_apart = bool(seeds) and parts(ours[seeds[0]]) is not None
    are_alike = all(mine.keys() == other.keys() for mine, other in pairs.values())
    expected = len(documents) if are_apart else len(pairs) * len(documents)
    if len(documents) < 2 or not are_alike or len(names) != expected:
        return None
    return pairs, documents, are_apart


def _sums(pairs: Sequence[_Pairs], documents: Sequence[str], draw: np.random.Generator) -> Whole:
    """Return the (1 + draws, 2, pairs, seeds, 3) counts of all documents, and then of each draw of as many documents.

    Whole numbers, which no machine rounds, give the same figures everywhere.
    """
    nothing = Counts(0, 0, 0)
    held = np.array(
        [
            [[[_row(seed[side].get(name, nothing)) for seed in each.values()] for each in pairs] for side in range(2)]
            for name in documents
        ]
    )
    # Documents of the same counts are drawn together: how many they are is all that matters.
    _, first, alike = np.unique(held.reshape(len(held), -1), axis=0, return_index=True, return_counts=True)
    order = np.argsort(first)
    distinct, how_often = held[first[order]], alike[order]
    block = max(1, AT_ONCE // len(distinct))
    drawn = [
        np.tensordot(draw.multinomial(len(held), how_often / len(held), min(block, DRAWS - start)), distinct, 1)
        for start in range(0, DRAWS, block)
    ]
    return np.concatenate([held.sum(axis=0, keepdims=True), *drawn])


def _row(counts: Counts) -> tuple[int, int, int]:
    return counts.correct, counts.predicted, counts.gold


def _difference(counts: Whole) -> Doubles:
    """Return micro-F1 of the first side less that of the second, from (draws, 2, ..., 3) counts."""
    correct, predicted, gold = np.moveaxis(counts, -1, 0)
    f1: Doubles = 2 * correct / np.maximum(predicted + gold, 1)
    difference: Doubles = f1[:, 0] - f1[:, 1]
    return difference


def _effect(differences: Sequence[float]) -> float | None:
    if len(differences) < 2:
        return None
    deviation = statistics.stdev(differences)
    return statistics.fmean(differences) / deviation if deviation > 1e-12 else None


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for the number of comparisons (Holm 1979), in the order given; at most 1.

    If all that come out below a level are called significant, the probability of any false positive stays below it.
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def significant(p: float) -> bool:
    """Return whether a p-value, already adjusted, is small enough to be called significant."""
    return p < 1 - LEVEL and not math.isclose(p, 1 - LEVEL)
