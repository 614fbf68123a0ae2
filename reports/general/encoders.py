"""Encoders beside their teacher: how much smaller and faster they are, what they keep, and what papers claim."""

from __future__ import annotations

from collections.abc import Sequence

from finkd.reports.general.glue import TASKS
from finkd.reports.general.task_results import IDENTITY, TaskResults, reference, seeds_note, task_results
from finkd.reports.table import Column, Field, Table, number, share
from finkd.reports.tables.published import Published, by_others
from finkd.suites.record import TaskRecord

_ONE_CORE = "one core"


def encoders(records: Sequence[TaskRecord]) -> Table:
    """Make one row per student and way to learn; none where no teacher was tried too."""
    found = task_results(records, "glue", "imdb", "squad")
    teacher = reference(found)
    students = [each for each in found if each.role == "student"] if teacher is not None else []
    seconds = {
        each.system: each.mean(_score) for each in task_results(records, "inference") if each.method == _ONE_CORE
    }
    tasks = [task for task in TASKS if teacher is not None and teacher.of(task)]

    def times(theirs: float | None, ours: float | None) -> float | None:
        return theirs / ours if theirs and ours else None

    def parameters(each: TaskResults) -> float | None:
        return times(None if teacher is None else teacher.parameters, each.parameters)

    def speed(each: TaskResults) -> float | None:
        return times(None if teacher is None else seconds.get(teacher.system), seconds.get(each.system))

    columns: list[Field[TaskResults]] = [
        *IDENTITY,
        (Column("mb", "Size (MB)"), lambda each: number(each.mean(_bytes), 1, scale=1e6)),
        (Column("smaller", "Smaller (times)"), lambda each: number(parameters(each), 1)),
        (Column("faster", "Faster (times)"), lambda each: number(speed(each), 1)),
        (Column("glue", "GLUE kept (%)"), lambda each: share(each.retention(teacher, tasks))),
        (Column("imdb", "IMDb kept (%)"), lambda each: share(each.retention(teacher, ["imdb"]))),
        (Column("squad", "SQuAD kept (%)"), lambda each: share(_answers(each, teacher))),
    ]
    of = ", ".join(TASKS[task] for task in tasks)
    is_kept = {
        f"of the teacher's average over {of}": bool(tasks),
        "of its accuracy": any(each.retention(teacher, ["imdb"]) is not None for each in students),
        "of its mean of exact match and F1": any(_answers(each, teacher) is not None for each in students),
    }
    kept = "; ".join(each for each, shown in is_kept.items() if shown)
    notes = [
        *([f"Kept: {kept}."] if kept else []),
        "Smaller: in parameters of the encoder. Size: of a file, without unused bits where weights have few. Faster: "
        "a pass over STS-B's development set on one core, one pair at a time.",
        seeds_note(students),
    ]
    return Table.of("encoders", "Smaller, faster, and what is kept", None, notes, columns, students)


def _score(record: TaskRecord) -> float | None:
    return record.score


def _bytes(record: TaskRecord) -> float | None:
    return record.resources.bytes


def _answers(each: TaskResults, teacher: TaskResults | None) -> float | None:
    """Its score on questions as a share of the teacher's."""
    asked = sorted({record.task for record in each.records if record.suite == "squad"})
    return each.retention(teacher, asked) if asked else None


PUBLISHED = (
    Published(
        "DistilBERT", {"smaller": 1.67, "faster": 1.6, "kept": 97.0}, "sanh2019distilbert", "GLUE, development sets"
    ),
    Published(
        "TinyBERT, 4 layers", {"smaller": 7.5, "faster": 9.4, "kept": 96.8}, "jiao2020tinybert", "GLUE, test sets"
    ),
)
"""Headline claims: of BERT-base's parameters, time and GLUE score."""


def encoders_published(records: Sequence[TaskRecord]) -> Table:
    """Make one row per paper, if students and their teacher were tried on GLUE."""
    columns = [
        (Column("smaller", "Smaller (times)"), lambda each: number(each.figures["smaller"], 1)),
        (Column("faster", "Faster (times)"), lambda each: number(each.figures["faster"], 1)),
        (Column("kept", "GLUE kept (%)"), lambda each: number(each.figures["kept"], 1)),
    ]
    on_glue = {record.role for record in records if record.suite == "glue"}
    found = PUBLISHED if {"teacher", "student"} <= on_glue else ()
    notes = ("Not measured by finkd. Of BERT-base, on the authors' machines.",)
    return by_others("encoders-published", "What papers claim", None, notes, columns, found)
