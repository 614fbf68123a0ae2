"""Tables of general tasks, from records made by hand."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.corpora.errors import DataError
from finkd.record_files import digest
from finkd.records import Resources
from finkd.reports.build import build
from finkd.reports.formats import formats
from finkd.reports.general import general, kept
from finkd.reports.report import compose
from finkd.suites.metrics import METRICS
from finkd.suites.record import VERSION, TaskRecord, load_task_records
from tests.reports.tasks import task_record, task_records

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", general)
def test_table_is_sound(name):
    table = compose([], [name], task_records()).overviews[name]
    assert table.name == name
    assert table.caption.endswith(".")
    keys = [column.key for column in table.columns]
    assert len(keys) == len(set(keys))
    assert all(len(row) == len(keys) for row in table.rows)
    assert all(column.heading for column in table.for_readers()[0])
    for kind in formats:
        assert formats.get(kind)(compose([], [name], task_records()))


def row(table, system, method="fine-tuned"):
    keys = [column.key for column in table.columns]
    found = [dict(zip(keys, cells, strict=True)) for cells in table.rows]
    return next(r for r in found if (r["system"].value, r["method"].value) == (system, method))


def test_average_and_retention_by_hand():
    table = compose([], ["glue"], task_records()).overviews["glue"]
    teacher, student = row(table, "teacher"), row(table, "student")
    assert teacher["mrpc"].value == pytest.approx((0.9 + 0.86) / 2)  # the mean of F1 and accuracy
    assert teacher["mnli"].value == pytest.approx((0.8 + 0.82) / 2)  # matched and mismatched
    assert teacher["average"].value == pytest.approx((0.3 + 0.88 + 0.81) / 3)
    assert student["mrpc"].value == pytest.approx(((0.8 + 0.76) / 2 + (0.84 + 0.8) / 2) / 2)  # over two seeds
    assert student["retention"].value == pytest.approx((0.15 + 0.8 + 0.7) / 3 / teacher["average"].value)
    assert "± 2.8 (2)" in student["mrpc"].text


def test_what_is_kept_of_three_tasks_by_hand():
    table = compose([], ["three-tasks"], task_records()).overviews["three-tasks"]
    teacher, student = row(table, "teacher"), row(table, "student")
    assert teacher["average"].value == pytest.approx((0.3 + 0.88 + 0.9) / 3)
    assert student["retention"].value == pytest.approx((0.15 + 0.8 + 0.88) / (0.3 + 0.88 + 0.9))
    lacking = [record for record in task_records() if (record.system, record.task) != ("student", "imdb")]
    assert len(compose([], ["three-tasks"], lacking).overviews["three-tasks"].rows) == 1


def test_speed_is_a_ratio_to_the_teacher():
    table = compose([], ["inference"], task_records()).overviews["inference"]
    assert row(table, "student", "one core")["speed"].value == pytest.approx(3)
    assert row(table, "teacher", "one core")["speed"].value == 1
    alone = [record for record in task_records() if record.system == "student"]
    table = compose([], ["inference"], alone).overviews["inference"]
    assert row(table, "student", "one core")["speed"].value is None


def test_a_system_that_lacks_a_task_has_no_average():
    records = [r for r in task_records() if (r.system, r.task) != ("student", "mnli")]
    table = compose([], ["glue"], records).overviews["glue"]
    assert row(table, "student")["average"].value is row(table, "student")["retention"].value is None


def test_data_sets_have_rows_of_their_own():
    scores = {"squad": {"teacher": 0.88, "student": 0.77}, "squad-v2": {"teacher": 0.6, "student": 0.45}}
    asked = [
        task_record("squad", task, system, {"exact": f1 - 0.1, "f1": f1}, headline=("exact", "f1"))
        for task, found in scores.items()
        for system, f1 in found.items()
    ]
    found = compose([], ["squad"], asked).overviews["squad"]
    assert [[cell.text for cell in (cells[0], *cells[4:])] for cells in found.rows] == [
        ["teacher", "squad", "78.0", "88.0", "–", "–", "100.0"],
        ["teacher", "squad-v2", "50.0", "60.0", "–", "–", "100.0"],
        ["student", "squad", "67.0", "77.0", "–", "–", "87.5"],
        ["student", "squad-v2", "35.0", "45.0", "–", "–", "75.0"],
    ]
    rouge = dict.fromkeys(("rouge1", "rouge2", "rougeL", "rougeLsum", "bleu"))
    written = [
        task_record("summarization", task, "phi-2", {**rouge, "rouge1": score}, split=split, headline=("rouge1",))
        for task, split, score in (
            ("calls", "test", 0.2),
            ("dialogsum", "first 9 of test", 0.3),
            ("dialogsum", "test", 0.4),
        )
    ]
    found = compose([], ["summarization"], written).overviews["summarization"]
    assert [(cells[2].text, cells[3].text) for cells in found.rows] == [
        ("calls, test", "20.0"),
        ("dialogsum, first 9 of test", "30.0"),
        ("dialogsum, test", "40.0"),
    ]


def test_sentiment_is_in_percent():
    found = compose([], ["sst2", "imdb"], task_records()).overviews
    assert row(found["sst2"], "student")["accuracy"].text == "50.0"
    assert row(found["imdb"], "teacher")["accuracy"].text == "90.0"


def test_confusion_and_agreement_by_hand():
    tables = compose([], ["sst2-confusion", "sst2-agreement"], task_records()).overviews
    found = row(tables["sst2-confusion"], "student")
    assert [found[key].value for key in ("negative_as_negative", "negative_as_positive")] == [1, 1]
    assert [found[key].value for key in ("positive_as_negative", "positive_as_positive")] == [1, 1]
    values = [[cell.value for cell in cells[2:5]] for cells in tables["sst2-agreement"].rows]
    assert values == [[1.0, 0.75, 0.75], [0.75, 1.0, 0.5], [0.75, 0.5, 1.0]]


def test_systems_scored_on_other_examples_are_not_compared():
    other = task_record("glue", "mrpc", "other", {"f1": 0.5, "accuracy": 0.5}, fingerprint="changed")
    with pytest.raises(DataError, match="other examples or metrics than glue/mrpc/validation/"):
        compose([], ["glue"], [*task_records(), other])
    same = dataclasses.replace(task_records()[0], key="another", seconds=1.0)
    with pytest.raises(DataError, match="two different records of this name"):
        compose([], ["glue"], [*task_records(), same])
    strange = dataclasses.replace(task_records()[0], role="boss")
    with pytest.raises(DataError, match="role 'boss'"):
        compose([], ["glue"], [strange])


def test_a_report_of_tasks_alone(tmp_path):
    written = build([], tmp_path, task_records=task_records())
    assert {path.name for path in written} >= {"report.html", "glue.md", "glue.tex", "glue.csv", "squad.md"}
    page = (tmp_path / "report.html").read_text()
    assert "GLUE" in page
    assert "<title>General tasks" in page
    first = {path: path.read_bytes() for path in written}
    build([], tmp_path, task_records=task_records()[::-1])
    assert first == {path: path.read_bytes() for path in written}


def test_records_are_read_as_they_were_written(tmp_path):
    record = dataclasses.replace(task_records()[0], resources=Resources(parameters=5, peak_memory=7))
    record.save(tmp_path / "a.task.json")
    assert load_task_records([tmp_path]) == [record]
    (tmp_path / "b.task.json").write_text('{"version": 0}')
    with pytest.raises(DataError, match=rf"b\.task\.json: task record of version 0, expected {VERSION}"):
        load_task_records([tmp_path])
    empty = {"version": VERSION}
    (tmp_path / "b.task.json").write_text(json.dumps({**empty, "digest": digest(empty)}))
    with pytest.raises(DataError, match=r"b\.task\.json: damaged task record"):
        TaskRecord.load(tmp_path / "b.task.json")
    (tmp_path / "b.task.json").write_text("[")
    with pytest.raises(DataError, match=r"b\.task\.json: not a task record"):
        TaskRecord.load(tmp_path / "b.task.json")


CLASSES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 3)), min_size=4, max_size=12)


@pytest.mark.filterwarnings("ignore:A single label")
@given(CLASSES.filter(lambda rows: sum(count for *_, count in rows) > 3))
def test_metrics_of_examples_that_count_several_times_are_those_of_as_many_examples(rows):
    gold, predicted, weights = np.array(rows, float).T
    repeated = [np.repeat(values, weights.astype(int)) for values in (gold, predicted)]
    for name in ("accuracy", "f1", "matthews", "pearson"):
        found = kept._METRICS[name](gold, predicted, weights[None].astype(int))
        assert found == pytest.approx([METRICS[name](*repeated)], abs=1e-6)


def answered(system, task, seed, wrong, **fields):
    """A system that is wrong on the first examples of a hundred."""
    gold = tuple(float(n % 2) for n in range(100))
    predicted = tuple(1 - value if n < wrong else value for n, value in enumerate(gold))
    metrics = {"accuracy": 1 - wrong / 100, "f1": METRICS["f1"](np.array(gold), np.array(predicted))}
    suite = "imdb" if task == "imdb" else "glue"
    return task_record(suite, task, system, metrics, seed=seed, gold=gold, predicted=predicted, **fields)


def test_what_is_kept_and_how_surely_by_hand():
    wrong = {"teacher": (0, 0, 0), "student": (10, 10, 10), "control": (40, 40, 10)}
    records = [
        answered(system, task, seed, count)
        for system, counts in wrong.items()
        for task, count in zip(("cola", "mrpc", "imdb"), counts, strict=True)
        for seed in (1, 2)
    ]
    table = compose([], ["kept"], records).overviews["kept"]
    keys = [column.key for column in table.columns]
    best, other, *_ = (dict(zip(keys, row, strict=True)) for row in table.rows)
    assert [row[keys.index("tasks")].value for row in table.rows[::2]] == ["CoLA, MRPC, IMDb", "CoLA, MRPC"]
    assert (best["system"].value, other["system"].value) == ("student", "control")
    assert best["kept"].value == pytest.approx(0.9)
    assert best["kept_low"].value < 0.9 < best["kept_high"].value < 1
    assert best["behind"].value is None
    assert other["behind"].value == pytest.approx(0.2)
    assert other["p_holm"].text.endswith("*")
    alone = [record for record in records if record.role == "student"]
    assert not compose([], ["kept"], alone).overviews


def partial_run(*lacking):
    """A teacher and two students on MNLI and DistilBERT's tasks; ``lacking`` are splits of MNLI that a system lacks."""
    wrong = {"teacher": (5, 8), "student": (10, 30), "control": (40, 45)}
    records = [answered(system, task, 1, 10) for system in wrong for task in ("cola", "mrpc", "imdb")]
    records += [
        answered(system, "mnli", 1, count, split=split)
        for system, counts in wrong.items()
        for split, count in zip(("validation_matched", "validation_mismatched"), counts, strict=True)
        if (system, split) not in lacking
    ]
    return [row for row in kept.kept(records).rows if row[0].value == "CoLA, MNLI, MRPC"]


@pytest.mark.parametrize("system", ["teacher", "student", "control"])
def test_a_split_that_one_system_lacks_counts_for_none(system):
    both = partial_run()
    of_one = partial_run((system, "validation_mismatched"))
    # Of the other tasks 90 % are right; of the matched split 95, 90 and 60 %.
    keep = {row[1].value: row[3].value for row in of_one}
    assert keep == pytest.approx(
        {name: (0.9 + 0.9 + right) / (0.9 + 0.9 + 0.95) for name, right in (("student", 0.9), ("control", 0.6))},
        abs=0.02,
    )
    assert keep != {row[1].value: row[3].value for row in both}


def test_a_system_without_the_split_of_the_others_is_left_out():
    rows = partial_run(
        ("student", "validation_matched"), ("control", "validation_mismatched"), ("teacher", "validation_mismatched")
    )
    assert [row[1].value for row in rows] == ["control"]


def test_nothing_is_kept_of_a_teacher_below_chance():
    records = [
        answered(system, task, 1, wrong, headline=("matthews",))
        for system, wrong in (("teacher", 60), ("student", 70))
        for task in ("cola", "mrpc", "imdb")
    ]
    records = [dataclasses.replace(record, metrics={"matthews": -0.2}) for record in records]
    assert kept.kept(records).rows == ()


def test_a_correlation_by_ranks_keeps_its_official_value():
    numbers = [float(n * n % 7) for n in range(40)]
    said = [float(n * n % 5) for n in range(40)]
    first = task_record("glue", "sts-b", "a", {}, gold=tuple(numbers), predicted=tuple(said), headline=("spearman",))
    one, other = kept._of_split([first], [first], np.random.default_rng(1))
    assert one[0] == pytest.approx(METRICS["spearman"](np.array(numbers), np.array(said)))
    assert np.array_equal(one, other)


def test_encoders_beside_their_teacher_by_hand():
    found = compose([], ["encoders", "encoders-published"], task_records()).overviews
    (cells,) = found["encoders"].rows
    row = dict(zip([column.key for column in found["encoders"].columns], cells, strict=True))
    assert row["smaller"].value == pytest.approx(22 / 8)
    assert row["faster"].value == pytest.approx(3)
    assert row["imdb"].value == pytest.approx(0.88 / 0.9)
    assert row["squad"].value == pytest.approx(0.45 / 0.55)
    ours, theirs = (0.15 + 0.7 + (0.78 + 0.82) / 2), (0.3 + 0.81 + 0.88)
    assert row["glue"].value == pytest.approx(ours / theirs)
    assert found["encoders-published"].rows
    students = [record for record in task_records() if record.role == "student"]
    assert not compose([], ["encoders", "encoders-published"], students).overviews
