"""The reproduction of DistilBERT, from the command line to its report, on data that tests put on the hub."""

import pytest
from typer.testing import CliRunner

from finkd.corpora.tasks.questions import Question, QuestionData
from finkd.experiments import distilbert_reproduction
from finkd.experiments.distilbert_reproduction import app
from finkd.models.loading import load_model
from finkd.suites.record import load_task_records
from tests.toys import TEXTS

pytestmark = pytest.mark.slow


def test_from_end_to_end(teacher, hub, tmp_path, monkeypatch):
    asked = [Question(str(n), "Who lent?", TEXTS[n], ((TEXTS[n][:6], 0),), "t") for n in range(6)]
    data = QuestionData("toy", {"train": asked, "validation": asked})
    monkeypatch.setattr("finkd.experiments.suites.squad.load_questions", lambda folder: data)
    out = tmp_path / "runs" / "distilbert"
    given = ("--teacher", teacher, "--text", "sample-text", "--sentences", "20", "--out", out)
    command = [str(each) for each in (*given, "--set", "schedule={epochs: 1, precision: fp32}")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.stderr
    records = load_task_records([out])
    assert {record.suite for record in records} == set(distilbert_reproduction.SUITES)
    assert {(record.system, record.role) for record in records} == {
        (teacher.name, "teacher"),
        ("every other layer", "student"),
        ("distilled", "student"),
    }
    for title in ("### CoLA, MRPC and IMDb", "### Time of a pass over STS-B", "DistilBERT, published by others"):
        assert title.removeprefix("### ") in result.stdout
    assert "TinyDistilBERT" in (out / "distilbert-published.md").read_text(encoding="utf-8")
    student = load_model(out / "models" / "distilled-seed-1")
    assert student.encoder.config.model_type == "distilbert"
    assert student.has_masked_head
    before = {path: path.read_bytes() for path in out.rglob("*.task.json")}
    assert CliRunner().invoke(app, command).exit_code == 0
    assert {path: path.read_bytes() for path in before} == before
