"""Order: what it is worth that a stage comes before another one, or at all, averaged over all systems that tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise

from finkd.corpora.wording import counted
from finkd.records import StageRecord
from finkd.reports.bootstrap import Comparison, compare_on_average, holm
from finkd.reports.captions import corpus_notes, trainings
from finkd.reports.comparison_columns import MARK, resampling, tested
from finkd.reports.sections import Section, SystemResults, base_model, configured
from finkd.reports.table import Column, Field, Table, label, number

Pair = tuple[SystemResults, SystemResults]
_BY = " by "
_LEAST = 2
"""Pairs of systems that a row is the mean of."""


@dataclass(frozen=True)
class Contrast:
    """A question that several pairs of systems answer.

    Attributes:
        question: what the first system of each pair has.
        pairs: systems that differ in that alone.
        comparison: the mean difference.
    """

    question: str
    pairs: tuple[Pair, ...]
    comparison: Comparison

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the records behind it."""
        systems = dict.fromkeys(system.name for pair in self.pairs for system in pair)
        by_name = {system.name: system for pair in self.pairs for system in pair}
        return tuple(each for name in systems for each in by_name[name].ids)


def order(section: Section) -> Table:
    """Make one row per two stages whose order several systems exchange, and per stage that several leave out."""
    found = list(contrasts(section))
    p_values = dict(zip((each.question for each in found), holm([each.comparison.p for each in found]), strict=True))
    gain: list[Field[Contrast]] = tested(
        "gain", "Gain (points)", lambda each: each.comparison, lambda each: p_values[each.question]
    )
    columns: list[Field[Contrast]] = [
        (Column("question", "Stages", "left"), lambda each: label(each.question)),
        (Column("pairs", "Pairs of students"), lambda each: number(len(each.pairs))),
        *gain,
    ]
    notes = corpus_notes(section)
    if found:
        how = resampling(section, [each.comparison for each in found])
        of_models = trainings(each.comparison.seeds for each in found)
        notes += [
            "Gain: points of micro-F1, the mean over pairs of students of one start and one teacher whose stages are "
            "the same but that two neighbours have changed places, that one student lacks a stage, or that a stage has "
            "a teacher of its own. Stages are told apart by name: where a budget is shared, their settings may differ.",
            f"Of the mean over pairs: {how}; p adjusted for {counted(len(found), 'question')} (Holm), level .05. "
            f"{MARK} significant{of_models}. d: Cohen's, over seeds.",
        ]
    return Table.of("order", "Order", section, notes, columns, found)


def contrasts(section: Section) -> Iterator[Contrast]:
    """Yield what the systems of a section tell about orders, and then about stages."""
    by_stages = _by_stages(section)
    kinds = list(dict.fromkeys(kind for *_, stages in by_stages for kind in stages))
    questions: list[tuple[str, list[Pair]]] = [
        (f"{one} before {other}", list(_exchanged(by_stages, one, other))) for one, other in combinations(kinds, 2)
    ]
    questions += [(f"{kind} or not", list(_left_out(by_stages, kind))) for kind in kinds]
    questions += [(kind, list(_by_another(by_stages, kind))) for kind in kinds if _BY in kind]
    for question, pairs in questions:
        if len(pairs) >= _LEAST:
            comparison = compare_on_average([(first.records, second.records) for first, second in pairs])
            if comparison is not None:
                yield Contrast(question, tuple(pairs), comparison)


_Stages = Mapping[tuple[str, str, tuple[str, ...]], SystemResults]


def _by_stages(section: Section) -> _Stages:
    """Students by the model that they begin with, teacher and stages, where none of these stands twice."""
    found: dict[tuple[str, str, tuple[str, ...]], list[SystemResults]] = {}
    for student in section.of_role("student"):
        record = student.records[0]
        stages = tuple(map(_named, record.lineage))
        if student.is_scored and stages and len({*stages}) == len(stages):
            key = base_model(record), str(configured(record).get("teacher")), stages
            found.setdefault(key, []).append(student)
    return {key: students[0] for key, students in found.items() if len(students) == 1}


def _named(stage: StageRecord) -> str:
    """The kind of a stage, with the teacher that it names."""
    teacher = stage.config.get("teacher") if stage.kind.startswith("task-distill") else None
    return f"{stage.kind}{_BY}{teacher}" if teacher else stage.kind


def _exchanged(by_stages: _Stages, one: str, other: str) -> Iterator[Pair]:
    """Pairs of which the first has one stage right before the other, and the second has them exchanged.

    Stages that are no neighbours would change places with all that stands between them too.
    """
    swapped = {one: other, other: one}
    for (start, teacher, stages), first in by_stages.items():
        second = by_stages.get((start, teacher, tuple(swapped.get(stage, stage) for stage in stages)))
        if (one, other) in pairwise(stages) and second is not None:
            yield first, second


def _left_out(by_stages: _Stages, kind: str) -> Iterator[Pair]:
    """Pairs of which the first has a stage and the second does not."""
    for (start, teacher, stages), first in by_stages.items():
        second = by_stages.get((start, teacher, tuple(stage for stage in stages if stage != kind)))
        if kind in stages and second is not None:
            yield first, second


def _by_another(by_stages: _Stages, kind: str) -> Iterator[Pair]:
    """Pairs of which the first has a stage taught by another teacher than the student's, which teaches the second."""
    usual = kind.partition(_BY)[0]
    for (start, teacher, stages), first in by_stages.items():
        second = by_stages.get((start, teacher, tuple(usual if stage == kind else stage for stage in stages)))
        if kind in stages and second is not None:
            yield first, second
