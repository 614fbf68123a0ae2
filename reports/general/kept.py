"""What students keep of their teacher over several tasks, with intervals, and how far they are behind the best one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from finkd.corpora.wording import counted
from finkd.reports.bootstrap import AT_ONCE, DRAWS, Noise, ends, holm, of_seeds, two_sided
from finkd.reports.captions import trainings
from finkd.reports.comparison_columns import MARK, interval, p_value
from finkd.reports.general import distilbert, glue
from finkd.reports.general.task_results import TaskResults, reference, task_results
from finkd.reports.table import Column, Field, Table, label, share
from finkd.suites.record import TaskRecord

Counts = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

_SEED = 20_261_130


@dataclass(frozen=True)
class Kept:
    """A student beside its teacher and beside the best student.

    Attributes:
        tasks: what the averages are over.
        student: the student.
        seeds: how many any of the tasks has at least.
        kept: its average as a share of the teacher's.
        low: lower end of the interval of 95 % of that.
        high: its upper end.
        behind: how much higher the best student's average is; ``None`` for that one itself.
        behind_low: lower end of the interval of 95 % of that.
        behind_high: its upper end.
        p: twice the share of draws on the other side of 0.
    """

    tasks: str
    student: TaskResults
    seeds: int
    kept: float
    low: float
    high: float
    behind: float | None = None
    behind_low: float = math.nan
    behind_high: float = math.nan
    p: float = math.nan

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of its records."""
        return self.student.ids


def kept(records: Sequence[TaskRecord]) -> Table:
    """Make one row per set of tasks and student that all of its tasks were run on."""
    every = task_results([record for record in records if record.gold], "glue", "imdb")
    rows = [row for tasks in _sets(every) for row in _rows(tasks, every)]
    compared = [row for row in rows if row.behind is not None]
    p_values = dict(zip(map(id, compared), holm([row.p for row in compared]), strict=True))

    columns: list[Field[Kept]] = [
        (Column("tasks", "Average of", "left"), lambda row: label(row.tasks)),
        (Column("system", "System", "left"), lambda row: label(row.student.system)),
        (Column("method", "Method", "left"), lambda row: label(row.student.method)),
        (Column("kept", "Kept (%)"), lambda row: share(row.kept, 1)),
        (Column("kept_low", detail=True), lambda row: share(row.low)),
        (Column("kept_high", detail=True), lambda row: share(row.high)),
        (Column("kept_interval", "95 % interval"), lambda row: label(interval(row.low, row.high))),
        (Column("behind", "Behind (points)"), lambda row: share(row.behind, 1)),
        (
            Column("behind_interval", "95 % interval"),
            lambda row: label(None if row.behind is None else interval(row.behind_low, row.behind_high)),
        ),
        (Column("p_holm", "p (Holm)"), lambda row: p_value(p_values.get(id(row)))),
    ]
    seeds = (
        ", and Student's t for the deviation between seeds beyond that of examples"
        if any(row.seeds > 1 for row in rows)
        else ""
    )
    notes = [
        f"Kept: the average as a share of the teacher's, with the interval of a bootstrap ({DRAWS:,} draws) over the "
        f"examples of every task, the same ones for both{seeds}{trainings(row.seeds for row in rows)}.",
    ]
    if compared:
        notes.append(
            "Behind: how many points the average of the best student of these tasks is higher; p adjusted for "
            f"{counted(len(compared), 'comparison')} (Holm), level .05. {MARK} significant. That the best student was "
            "chosen on the same examples is not corrected for."
        )
    return Table.of("kept", "What is kept of the teacher", None, notes, columns, rows)


def _sets(every: Sequence[TaskResults]) -> Iterator[tuple[str, ...]]:
    """The tasks that averages are over: DistilBERT's three, and those of GLUE that all systems were tried on."""
    yield tuple(distilbert.TASKS)
    shared = tuple(task for task in glue.TASKS if all(each.of(task) for each in every if _is_on_glue(each)))
    if shared and shared != tuple(distilbert.TASKS):
        yield shared


def _is_on_glue(each: TaskResults) -> bool:
    return any(record.suite == "glue" for record in each.records)


def _named(tasks: Sequence[str]) -> str:
    if tuple(tasks) == tuple(glue.TASKS):
        return "GLUE"
    return ", ".join((distilbert.TASKS | glue.TASKS)[task] for task in tasks)


def _rows(tasks: Sequence[str], every: Sequence[TaskResults]) -> list[Kept]:
    name, found = _named(tasks), [each for each in every if each.average(tasks) is not None]
    found = _on_shared_splits(found, tasks)
    teacher = reference(found)
    students = [each for each in found if each.role == "student"]
    if teacher is None or (teacher.average(tasks) or 0.0) <= 0 or not students:
        return []
    best = max(students, key=lambda each: each.average(tasks) or 0.0)
    rows = []
    for student in students:
        ours, theirs = _averages(student, teacher, tasks)
        low, high = ends((ours / np.where(theirs > 0, theirs, np.nan))[1:])
        seeds = min(len({record.seed for record in student.of(task)}) for task in tasks)
        row = Kept(name, student, seeds, float(ours[0] / theirs[0]), low, high)
        if student is not best:
            first, second = _averages(best, student, tasks)
            behind = first - second
            low, high = ends(behind[1:])
            p = two_sided(behind[1:])
            row = replace(row, behind=float(behind[0]), behind_low=low, behind_high=high, p=p)
        rows.append(row)
    return sorted(rows, key=lambda row: -row.kept)


def _on_shared_splits(every: Sequence[TaskResults], tasks: Sequence[str]) -> list[TaskResults]:
    """Return those that share splits with the teacher, with their records of the splits that all of them have."""

    def splits(each: TaskResults, task: str) -> set[str]:
        return {record.split for record in each.of(task)}

    teacher = reference(every)
    if teacher is None:
        return []
    having = [each for each in every if all(splits(each, task) & splits(teacher, task) for task in tasks)]
    shared = {task: set.intersection(*(splits(each, task) for each in having)) for task in tasks}
    return [
        replace(each, records=tuple(one for one in each.records if one.split in shared.get(one.task, {one.split})))
        for each in having
        if all(shared.values())
    ]


def _averages(first: TaskResults, second: TaskResults, tasks: Sequence[str]) -> tuple[Doubles, Doubles]:
    """Return the (1 + draws,) average over tasks of two systems, of all examples and then of each draw."""
    draw = np.random.default_rng(_SEED)
    found = [_of_task(first.of(task), second.of(task), draw) for task in tasks]
    one, other = (np.mean([each[side] for each in found], axis=0) for side in range(2))
    return one, other


def _of_task(
    first: Sequence[TaskRecord], second: Sequence[TaskRecord], draw: np.random.Generator
) -> tuple[Doubles, Doubles]:
    """Return the (1 + draws,) score of a task of two systems; of several splits the mean."""
    splits = list(dict.fromkeys(record.split for record in first))
    found = []
    for split in splits:
        ours, theirs = ([record for record in records if record.split == split] for records in (first, second))
        found.append(_of_split(ours, theirs, draw))
    one, other = (np.mean([each[side] for each in found], axis=0) for side in range(2))
    return one, other


def _of_split(
    first: Sequence[TaskRecord], second: Sequence[TaskRecord], draw: np.random.Generator
) -> tuple[Doubles, Doubles]:
    """Return the (1 + draws,) mean score over seeds on a split of two systems."""
    gold, headline = np.array(first[0].gold), first[0].headline
    answers = [np.array([record.predicted for record in records]) for records in (first, second)]
    # Examples that all systems answer alike are drawn together: their number is all that matters.
    table, how_often = np.unique(np.vstack([gold, *answers]), axis=1, return_counts=True)
    weights = draw.multinomial(len(gold), how_often / len(gold), DRAWS)
    found = []
    for rows in (table[1 : 1 + len(first)], table[1 + len(first) :]):
        counts: Counts = np.vstack([how_often, weights])
        scores = np.array([_score(table[0], row, counts, headline) for row in rows])
        mean = scores.mean(axis=0)
        mean[1:] += of_seeds(Noise.of(scores.T).trainings, len(rows), draw)
        found.append(mean)
    return found[0], found[1]


def _score(gold: Doubles, predicted: Doubles, weights: Counts, headline: Sequence[str]) -> Doubles:
    """Return the (draws,) mean of the headline metrics of examples that count (draws, examples) ``weights`` times."""
    blocks = np.array_split(weights, math.ceil(weights.size / AT_ONCE))
    found = []
    for name in headline:
        # Ranks are those of all examples: ranking each draw anew changes nothing that one would see.
        pair = (_ranks(gold, weights[0]), _ranks(predicted, weights[0])) if name == "spearman" else (gold, predicted)
        found.append(np.concatenate([_METRICS[name](*pair, block) for block in blocks]))
    scores: Doubles = np.mean(found, axis=0)
    return scores


def _accuracy(gold: Doubles, predicted: Doubles, weights: Counts) -> Doubles:
    found: Doubles = weights @ (gold == predicted) / weights.sum(axis=1)
    return found


def _confusion(gold: Doubles, predicted: Doubles, weights: Counts) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """Return how many are truly and falsely positive, falsely and truly negative."""
    true, said = gold == 1, predicted == 1
    both, wrong, missed, neither = (weights @ each for each in (true & said, ~true & said, true & ~said, ~true & ~said))
    return both, wrong, missed, neither


def _f1(gold: Doubles, predicted: Doubles, weights: Counts) -> Doubles:
    both, wrong, missed, _ = _confusion(gold, predicted, weights)
    return 2 * both / np.maximum(2 * both + wrong + missed, 1)


def _matthews(gold: Doubles, predicted: Doubles, weights: Counts) -> Doubles:
    both, wrong, missed, neither = (each.astype(float) for each in _confusion(gold, predicted, weights))
    scale = np.sqrt((both + wrong) * (both + missed) * (neither + wrong) * (neither + missed))
    return np.where(scale > 0, (both * neither - wrong * missed) / np.maximum(scale, 1e-12), 0.0)


def _pearson(gold: Doubles, predicted: Doubles, weights: Counts) -> Doubles:
    total = weights.sum(axis=1)
    one, other, ours, theirs, both = (
        weights @ values / total for values in (gold, predicted, gold**2, predicted**2, gold * predicted)
    )
    scale = np.sqrt(np.maximum(ours - one**2, 0) * np.maximum(theirs - other**2, 0))
    return np.where(scale > 0, (both - one * other) / np.maximum(scale, 1e-12), 0.0)


def _ranks(values: Doubles, count: Counts) -> Doubles:
    """Return the ranks of values that stand for so many examples each."""
    every = rankdata(np.repeat(values, count))
    found: Doubles = every[np.cumsum(count) - count]
    return found


_METRICS: Mapping[str, Callable[[Doubles, Doubles, Counts], Doubles]] = {
    "accuracy": _accuracy,
    "f1": _f1,
    "matthews": _matthews,
    "pearson": _pearson,
    "spearman": _pearson,
}
