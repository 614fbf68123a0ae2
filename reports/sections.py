"""Run records grouped for comparison: systems over their seeds, and sections of systems that may stand side by side."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

from finkd.corpora.errors import DataError
from finkd.corpora.wording import counted
from finkd.records import RunRecord
from finkd.reports.spread import Spread
from finkd.scores import Counts, total

if TYPE_CHECKING:
    import pandas as pd

ROLES = ("baseline", "teacher", "student")


@dataclass(frozen=True)
class SystemResults:
    """One system of an experiment with all its seeds.

    Attributes:
        name: its name in the experiment.
        role: ``"baseline"``, ``"teacher"`` or ``"student"``.
        strategy: textual form of its stages, empty for baselines.
        records: one per seed, in the order of the seeds.
    """

    name: str
    role: str
    strategy: str
    records: tuple[RunRecord, ...]

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids of the records behind every figure of this system."""
        return tuple(record.id for record in self.records)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Its records as :func:`finkd.records_frame` gives them, one row per seed."""
        from finkd.reports.frame import records_frame  # imports pandas, which commands that show a table do without

        return records_frame(self.records)

    @cached_property
    def f1(self) -> Spread:
        """Micro-F1 over seeds; NaN if there was nothing to find, and nothing was found.

        In cross-validation it is that of all folds together, as folds differ in size, and its deviation is theirs.
        """
        found = self.spread("f1") or Spread(math.nan, None, len(self.records))
        together = total(record.scores.micro for record in self.records).f1 if parts(self.records[0]) else None
        return found if together is None else replace(found, mean=together)

    @property
    def is_scored(self) -> bool:
        """Whether it has a micro-F1."""
        return not math.isnan(self.f1.mean)

    def spread(self, column: str) -> Spread | None:
        """Spread of a column of ``frame`` over the seeds that have it."""
        return Spread.of(self.frame.get(column, ()))

    def mean(self, column: str) -> float | None:
        """Mean of a column of ``frame`` over the seeds that have it."""
        return Spread.mean_of(self.frame.get(column, ()))

    def on_folds(self, seeds: Collection[int]) -> SystemResults:
        """Return the system with the records of these seeds alone."""
        return replace(self, records=tuple(record for record in self.records if record.seed in seeds))

    @property
    def machine_busy(self) -> bool:
        """True if other work ran on the machine during any of the measurements."""
        return any(self.frame.machine_busy)


@dataclass(frozen=True)
class Section:
    """Systems of one experiment, scored on the same split of the same corpus.

    Attributes:
        experiment: name of the experiment.
        corpus: name of the corpus.
        split: split that was scored.
        systems: baselines, then teachers, then students, each in the order of the experiment's configuration.
    """

    experiment: str
    corpus: str
    split: str
    systems: tuple[SystemResults, ...]

    def __hash__(self) -> int:
        """Hash of its names, since records cannot be hashed."""
        return hash((self.experiment, self.corpus, self.split))

    @property
    def name(self) -> str:
        """Heading of the section."""
        return f"{self.experiment} on {self.corpus}"

    @property
    def records(self) -> tuple[RunRecord, ...]:
        """All records, system by system."""
        return tuple(record for system in self.systems for record in system.records)

    @property
    def parts(self) -> int | None:
        """The number of parts in cross-validation, of which each seed is scored on another one; ``None`` without."""
        return parts(self.records[0])

    @property
    def extra_splits(self) -> tuple[str, ...]:
        """The other splits on which any system was scored, sorted."""
        return tuple(sorted({split for record in self.records for split in record.extra_splits}))

    @property
    def sample(self) -> bool:
        """True if any score comes from finkd's own sample corpus."""
        return any(record.sample for record in self.records)

    @property
    def teacher(self) -> SystemResults | None:
        """The first teacher."""
        return next(iter(self.of_role("teacher")), None)

    def teacher_of(self, system: SystemResults) -> SystemResults | None:
        """Return the teacher that a student names, or else the first one; ``None`` if that has no record."""
        named = configured(system.records[0]).get("teacher")
        if named is None:
            return self.teacher
        return next((each for each in self.of_role("teacher") if each.name == named), None)

    @property
    def best_student(self) -> SystemResults | None:
        """The student of highest micro-F1, the first one on a tie; in cross-validation, of those with most folds."""
        students = [system for system in self.of_role("student") if system.is_scored]
        if self.parts:
            most = max((len(system.records) for system in students), default=0)
            students = [system for system in students if len(system.records) == most]
        return max(students, key=lambda system: system.f1.mean, default=None)

    @property
    def reference(self) -> SystemResults | None:
        """The student that others are compared with: the one that the configuration names, or else the best one."""
        return self._named_reference or self.best_student

    @property
    def has_named_reference(self) -> bool:
        """Whether the configuration names the reference, so that it was not chosen by its score."""
        return self._named_reference is not None

    @property
    def _named_reference(self) -> SystemResults | None:
        named = next((record.config["reference"] for record in self.records if record.config.get("reference")), None)
        return next((each for each in self.of_role("student") if each.name == named and each.is_scored), None)

    @cached_property
    def mean_ranks(self) -> Mapping[str, float]:
        """Mean rank of each student by micro-F1 over the seeds that all have, 1 the best; empty for a single student.

        Equal students share the mean of their ranks (Demšar 2006, JMLR 7).
        """
        students = self.of_role("student")
        scores = [{record.seed: record.scores.micro.f1 or 0.0 for record in each.records} for each in students]
        shared = set.intersection(*map(set, scores)) if len(students) > 1 else set()
        if not shared:
            return {}
        by_seed = [_ranks([each[seed] for each in scores]) for seed in shared]
        means = map(statistics.fmean, zip(*by_seed, strict=True))
        return {student.name: mean for student, mean in zip(students, means, strict=True)}

    def of_role(self, role: str) -> tuple[SystemResults, ...]:
        """Return the systems of one role, in order."""
        return tuple(system for system in self.systems if system.role == role)

    def retention(self, system: SystemResults) -> float | None:
        """Micro-F1 of a student as a share of its teacher's; ``None`` for others and without a teacher.

        In cross-validation it is that of the folds that both were scored on.
        """
        teacher = self.teacher_of(system)
        if system.role != "student" or teacher is None:
            return None
        if self.parts:
            folds = {record.seed for record in system.records} & {record.seed for record in teacher.records}
            system, teacher = system.on_folds(folds), teacher.on_folds(folds)
        if not (teacher.records and teacher.is_scored and teacher.f1.mean):
            return None
        return system.f1.mean / teacher.f1.mean


def _ranks(scores: Sequence[float]) -> list[float]:
    """Return the rank of each score, 1 for the highest; equal ones share the mean of theirs."""
    return [1 + sum(other > own for other in scores) + (scores.count(own) - 1) / 2 for own in scores]


def configured_strategy(record: RunRecord) -> str:
    """Return the strategy of a record's system as the configuration has it, empty if that does not say."""
    return str(configured(record).get("strategy", ""))


def base_model(record: RunRecord) -> str:
    """Return the pretrained model that a record's system begins with, empty if the configuration does not say."""
    return str(configured(record).get("start") or record.config.get("teacher", ""))


def parts(record: RunRecord) -> int | None:
    """Return the number of parts in the cross-validation that a record belongs to, if it does."""
    found = record.config.get("cross_validation")
    return found if isinstance(found, int) else None


def configured(record: RunRecord) -> Mapping[str, Any]:
    """Return the settings of a record's system in the configuration of its run; empty if that does not say."""
    systems: Any = record.config.get("systems")
    own = systems.get(record.system) if isinstance(systems, dict) else None
    return own if isinstance(own, dict) else {}


def sections(records: Iterable[RunRecord]) -> tuple[Section, ...]:
    """Group records into sections, sorted by experiment, corpus and split, whatever order they come in.

    A record that is given twice counts once.

    Raises:
        DataError: if there are no records, or records contradict each other: two different ones for one seed, seeds of
            one system that differ in role or strategy, or systems of one section scored on different gold entities.
    """

    def key(record: RunRecord) -> tuple[str, str, str]:
        return record.experiment, record.corpus, record.split

    distinct: dict[tuple[str, str], RunRecord] = {}
    for record in records:
        if distinct.setdefault((record.id, record.split), record) != record:
            raise DataError(f"{record.id}: two different records of this name; report the runs one at a time")
    found = sorted(distinct.values(), key=lambda record: (*key(record), record.system, record.seed))
    if not found:
        raise DataError("report: no run records given; run an experiment first")
    return tuple(_section(list(members)) for _, members in groupby(found, key))


def _section(records: list[RunRecord]) -> Section:
    _check_same_gold(records)
    systems = [_system(list(members)) for _, members in groupby(records, lambda record: record.system)]
    order = _configured_order(records)

    def position(system: SystemResults) -> tuple[int, int, str]:
        named = order.index(system.name) if system.name in order else len(order)
        return ROLES.index(system.role), named, system.name

    first = records[0]
    return Section(first.experiment, first.corpus, first.split, tuple(sorted(systems, key=position)))


def _system(records: list[RunRecord]) -> SystemResults:
    first = records[0]
    if first.role not in ROLES:
        raise DataError(f"{first.id}: role {first.role!r}, expected one of {', '.join(ROLES)}")
    for record in records:
        if (record.role, record.strategy) != (first.role, first.strategy):
            raise DataError(
                f"{record.id}: {record.role} {record.strategy!r}, but {first.id} is {first.role} {first.strategy!r}; "
                "seeds of one system must share role and strategy"
            )
    return SystemResults(first.system, first.role, first.strategy, tuple(records))


def _configured_order(records: Sequence[RunRecord]) -> list[str]:
    """Return the names of the systems in the order of the configuration that lists most of them."""
    found: list[list[str]] = [[]]
    for record in records:
        names: Any = record.config.get("systems")
        if isinstance(names, list | tuple | dict):
            found.append([name for name in names if isinstance(name, str)])
    return max(found, key=len)


def _check_same_gold(records: Sequence[RunRecord]) -> None:
    firsts: dict[int | None, RunRecord] = {}
    for record in records:
        first = firsts.setdefault(record.seed if parts(record) else None, record)
        for name in sorted({*first.scores.per_type, *record.scores.per_type}):
            expected, found = (r.scores.per_type.get(name, Counts(0, 0, 0)).gold for r in (first, record))
            if found != expected:
                raise DataError(
                    f"{record.id}: {counted(found, 'gold entity')} of type {name}, but {first.id} has {expected}; "
                    "only systems scored on the same text can be compared"
                )
