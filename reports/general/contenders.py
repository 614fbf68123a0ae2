"""Records of general tasks grouped for comparison: what one system does by one method, over seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from finkd.corpora.errors import DataError
from finkd.reports.sections import ROLES, Spread
from finkd.reports.table import Cell, Column, Table, label, number, plain
from finkd.suites.record import TaskRecord

SAMPLE = "‡"


@dataclass(frozen=True)
class Contender:
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

    def of(self, task: str, split: str | None = None) -> list[TaskRecord]:
        """Its records of a task, or of one of the task's splits."""
        return [record for record in self.records if record.task == task and split in (None, record.split)]

    def spread(self, task: str, split: str | None, figure: Callable[[TaskRecord], float | None]) -> Spread | None:
        """A figure over seeds."""
        return Spread.of(figure(record) for record in self.of(task, split))

    def scores(self, task: str) -> Spread | None:
        """Score of a task over seeds; of several splits the mean counts."""
        seeds = sorted({record.seed for record in self.of(task)})
        each = [Spread.of(record.score for record in self.of(task) if record.seed == seed) for seed in seeds]
        return Spread.of(None if found is None else found.mean for found in each)

    def score(self, task: str) -> float | None:
        """Mean score of a task."""
        found = self.scores(task)
        return None if found is None else found.mean

    @cached_property
    def parameters(self) -> float | None:
        """Weights of its encoder."""
        found = Spread.of(record.resources.parameters for record in self.records)
        return None if found is None else found.mean


def contenders(records: Sequence[TaskRecord], *suites: str) -> list[Contender]:
    """Everything that took part in one of some suites: baselines, then teachers, then students.

    Raises:
        DataError: if two records of one name differ, or systems were scored on different examples.
    """
    found = sorted(
        {(record.id, record.key): record for record in records if record.suite in suites}.values(),
        key=lambda record: (record.system, record.method, record.task, record.split, record.seed),
    )
    _check(found)
    groups = groupby(found, lambda record: (record.system, record.method))
    made = [Contender(system, method, (own := tuple(members))[0].role, own) for (system, method), members in groups]
    return sorted(made, key=lambda each: (ROLES.index(each.role), -(each.parameters or 0), each.system, each.method))


def _check(records: Sequence[TaskRecord]) -> None:
    seen: dict[str, TaskRecord] = {}
    data: dict[tuple[str, str], TaskRecord] = {}
    for record in records:
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


def reference(found: Sequence[Contender]) -> Contender | None:
    """The teacher that others are measured against: the largest one."""
    return next((each for each in found if each.role == "teacher" and each.method == "fine-tuned"), None)


def identity() -> list[tuple[Column, Callable[[Contender], Cell]]]:
    """Who it is and how large."""
    return [
        (Column("system", "System", "left"), lambda each: label(each.system, each.ids)),
        (Column("method", "Method", "left"), lambda each: label(each.method, each.ids)),
        (Column("role", detail=True), lambda each: label(each.role, each.ids)),
        (Column("parameters", "Params (M)"), lambda each: number(each.parameters, 1, each.ids, scale=1e6)),
    ]


def table(
    name: str,
    title: str,
    notes: Sequence[str],
    columns: Sequence[tuple[Column, Callable[[Contender], Cell]]],
    found: Sequence[Contender],
) -> Table:
    """One row per contender."""
    rows = tuple(tuple(cell(each) for _, cell in columns) for each in found)
    return Table(name, title, tuple(map(plain, notes)), tuple(column for column, _ in columns), rows)


def seeds_note(found: Sequence[Contender]) -> str:
    """What the spreads are over."""
    most = max((len({record.seed for record in each.records}) for each in found), default=0)
    return "One seed." if most == 1 else "Means ± sample standard deviation over seeds, with their number in brackets."


def sample_note(found: Sequence[Contender]) -> list[str]:
    """Which tasks are not the published ones."""
    parts = {record.task: record.samples for each in found for record in each.records if record.samples}
    said = [f"{task} ({' and '.join(samples)})" for task, samples in parts.items()]
    return [f"{SAMPLE} only a sample of the published splits: {', '.join(said)}."] if said else []


def length_note(found: Sequence[Contender]) -> list[str]:
    """Texts that were not read at once."""
    counts = {
        task: max(record.too_long for each in found for record in each.of(task))
        for task in dict.fromkeys(record.task for each in found for record in each.records)
    }
    said = [f"{task} {count:,}" for task, count in counts.items() if count]
    return [f"Texts longer than a model read at once, at most: {', '.join(said)}."] if said else []
