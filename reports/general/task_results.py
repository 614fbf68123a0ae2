"""Records of general tasks grouped for comparison by system and method, over seeds; what their tables share."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

from finkd.corpora.errors import DataError
from finkd.reports.sections import ROLES
from finkd.reports.spread import Spread
from finkd.reports.table import Cell, Column, Field, label, number, plain, share
from finkd.suites.record import TaskRecord

SAMPLE = "‡"


@dataclass(frozen=True)
class TaskResults:
    """One system by one method, with all its records of a suite.

    Attributes:
        system: its name.
        method: how it came to its answers.
        role: as in ``TaskRecord``.
        records: of all tasks, splits and seeds.
    """

    system: str
    method: str
    role: str
    records: tuple[TaskRecord, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of its records."""
        return tuple(record.id for record in self.records)

    def of(self, task: str) -> list[TaskRecord]:
        """Its records of a task."""
        return [record for record in self.records if record.task == task]

    def scores(self, task: str) -> Spread | None:
        """Score of a task over seeds; of several splits the mean counts."""
        seeds = sorted({record.seed for record in self.of(task)})
        return Spread.of(
            Spread.mean_of(record.score for record in self.of(task) if record.seed == seed) for seed in seeds
        )

    def mean(self, figure: Callable[[TaskRecord], float | None]) -> float | None:
        """Mean of a figure over all its records."""
        return Spread.mean_of(figure(record) for record in self.records)

    @cached_property
    def parameters(self) -> float | None:
        """Weights of its encoder."""
        return self.mean(lambda record: record.resources.parameters)

    def average(self, tasks: Sequence[str]) -> float | None:
        """Mean of the scores of some tasks, if it has all of them."""
        found = [spread.mean for task in tasks if (spread := self.scores(task))]
        return statistics.fmean(found) if len(found) == len(tasks) and found else None

    def retention(self, teacher: TaskResults | None, tasks: Sequence[str]) -> float | None:
        """Its average as a share of the teacher's."""
        ours, theirs = self.average(tasks), None if teacher is None else teacher.average(tasks)
        return ours / theirs if ours is not None and theirs else None

    def percent(self, found: Spread | None, task: str) -> Cell:
        """Make a cell of a score of a task over seeds as papers print it, in percent with one decimal."""
        ids = tuple(record.id for record in self.of(task))
        if found is None or found.sd is None:
            return share(None if found is None else found.mean, 1, ids)
        return Cell(found.mean, plain(f"{100 * found.mean:.1f} ± {100 * found.sd:.1f} ({found.n})"), ids)


def score(task: str, heading: str) -> Field[TaskResults]:
    """Make the column of the score of a task."""
    return Column(task, heading), lambda each: each.percent(each.scores(task), task)


def metric(name: str, heading: str) -> Field[TaskResults]:
    """Make the column of a metric in percent, for results of one task and split each."""

    def cell(each: TaskResults) -> Cell:
        return each.percent(Spread.of(record.metrics.get(name) for record in each.records), each.records[0].task)

    return Column(name, heading), cell


def task_results(records: Sequence[TaskRecord], *suites: str) -> list[TaskResults]:
    """Group the records of some suites by system and method: baselines, then teachers, then students.

    Raises:
        DataError: if two records of one name differ, or systems were scored on different examples.
    """
    found = sorted(
        {(record.id, record.key): record for record in records if record.suite in suites}.values(),
        key=lambda record: (record.system, record.method, record.task, record.split, record.seed),
    )
    seen: dict[str, TaskRecord] = {}
    data: dict[tuple[str, str], TaskRecord] = {}
    for record in found:
        if record.role not in ROLES:
            raise DataError(f"{record.id}: role {record.role!r}, expected one of {', '.join(ROLES)}")
        if seen.setdefault(record.id, record) is not record:
            raise DataError(f"{record.id}: two different records of this name; report them one at a time")
        first = data.setdefault((record.task, record.split), record)
        if first.fingerprint != record.fingerprint or first.headline != record.headline:
            raise DataError(
                f"{record.id}: other examples or metrics than {first.id}; only systems scored on the same can be "
                "compared"
            )
    groups = groupby(found, lambda record: (record.system, record.method))
    made = [TaskResults(system, method, (own := tuple(members))[0].role, own) for (system, method), members in groups]
    return sorted(made, key=lambda each: (ROLES.index(each.role), -(each.parameters or 0), each.system, each.method))


def by_data(found: Sequence[TaskResults]) -> list[TaskResults]:
    """Split results by task and split, for tables that have a row for each."""
    return [
        replace(each, records=tuple(members))
        for each in found
        for _, members in groupby(each.records, lambda record: (record.task, record.split))
    ]


def reference(found: Sequence[TaskResults]) -> TaskResults | None:
    """Return the teacher that others are measured against: the largest one."""
    return next((each for each in found if each.role == "teacher" and each.method == "fine-tuned"), None)


IDENTITY: tuple[Field[TaskResults], ...] = (
    (Column("system", "System", "left"), lambda each: label(each.system)),
    (Column("method", "Method", "left"), lambda each: label(each.method)),
    (Column("role", detail=True), lambda each: label(each.role)),
    (Column("parameters", "Params (M)"), lambda each: number(each.parameters, 1, scale=1e6)),
)
"""Columns of name, method, role and size."""


def seeds_note(found: Sequence[TaskResults]) -> str:
    """Say what the spreads are over."""
    most = max((len({record.seed for record in each.records}) for each in found), default=0)
    return "One seed." if most == 1 else "Means ± sample standard deviation over seeds, with their number in brackets."


def data_notes(found: Sequence[TaskResults]) -> list[str]:
    """Say what the spreads are over, which tasks are not the published ones, and which texts were truncated."""
    notes = [seeds_note(found)]
    samples = {record.task: record.samples for each in found for record in each.records if record.samples}
    if samples:
        listed = ", ".join(f"{task} ({' and '.join(parts)})" for task, parts in samples.items())
        notes.append(f"{SAMPLE} only a sample of the published splits: {listed}.")
    counts = {
        task: max(record.too_long for each in found for record in each.of(task))
        for task in dict.fromkeys(record.task for each in found for record in each.records)
    }
    too_long = ", ".join(f"{task} {count:,}" for task, count in counts.items() if count)
    if too_long:
        notes.append(f"Texts above the limit of tokens, of which parts or windows are read, at most: {too_long}.")
    return notes
