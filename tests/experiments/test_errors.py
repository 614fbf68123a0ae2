"""``finkd errors`` from models or records to the page, and the pages of a run."""

import json
import re

import pytest

pytestmark = pytest.mark.slow


def test_a_student_beside_its_teacher(finkd, finished, tagger, corpus, tmp_path):
    student = finished / "models" / "domain-student-seed-1"
    page = tmp_path / "errors.html"
    result = finkd("errors", student, tagger, "--corpus", corpus, "--out", page, code=0)
    assert "Kinds of errors" in result.stdout
    assert "only teacher-seed-1" in result.stdout
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_records_tell_what_their_models_would(finkd, finished, corpus, tmp_path):
    stems = ("domain-student-seed-1", "teacher-seed-1")
    page = ("--out", tmp_path / "errors.html")
    models = finkd("errors", *(finished / "models" / stem for stem in stems), "--corpus", corpus, *page, code=0)
    records = [finished / "records" / f"{stem}.record.json" for stem in stems]
    assert finkd("errors", *records, *page, code=0).stdout == models.stdout
    mixed = finkd("errors", records[0], finished / "models" / stems[1], *page, code=0)
    assert mixed.stdout == models.stdout


@pytest.mark.usefixtures("pictures")
def test_a_run_has_a_page_of_each_system_and_its_report_leads_there(finkd, copied):
    report = (copied / "report.html").read_text()
    assert re.findall(r'href="(errors/[^"]*)"', report) == ["errors/teacher.html", "errors/domain-student.html"]
    assert {path.name for path in (copied / "errors").iterdir()} == {"teacher.html", "domain-student.html"}
    student = (copied / "errors" / "domain-student.html").read_text()
    assert "<h1>Errors of Domain student and teacher</h1>" in student
    assert "<h1>Errors of teacher</h1>" in (copied / "errors" / "teacher.html").read_text()
    finkd("report", copied, code=0)
    assert (copied / "report.html").read_text() == report
    finkd("report", copied, "--out", copied / "elsewhere", code=0)
    assert 'href="errors/' not in (copied / "elsewhere" / "report.html").read_text()


def test_predictions_belong_to_their_text(finkd, copied, corpus, tmp_path):
    other = tmp_path / "corpus"
    other.mkdir()
    for name in ("train.conll", "test.conll"):
        (other / name).write_text((corpus / name).read_text().replace("Sachs", "Bank"))
    record = copied / "records" / "teacher-seed-1.record.json"
    (copied / "predictions" / "teacher-seed-1.json").rename(tmp_path / "away.json")
    result = finkd("errors", record, code=1)
    assert "teacher-seed-1.json: there are no predictions" in result.stderr
    moved = finkd("run", *_moved(copied, other, tmp_path), code=0)
    assert moved.exit_code == 0
    (tmp_path / "away.json").rename(tmp_path / "moved" / "predictions" / "teacher-seed-1.json")
    result = finkd("errors", tmp_path / "moved" / "records" / "teacher-seed-1.record.json", code=1)
    assert "predictions for another text than this one" in result.stderr


def _moved(copied, corpus, tmp_path):
    settings = json.loads((copied / "experiment.json").read_text())
    settings = {key: value for key, value in settings.items() if key != "data"}
    path = tmp_path / "moved.yaml"
    path.write_text(json.dumps({**settings, "corpus": str(corpus)}))
    return path, "--out", tmp_path / "moved", "--only", "teacher"


def test_a_record_knows_its_text(finkd, finished, tmp_path):
    record = finished / "records" / "teacher-seed-1.record.json"
    result = finkd("errors", record, "--corpus", "sample", code=2)
    assert "--corpus does nothing with a record, which knows its text" in result.stderr


def test_labels_have_to_be_those_of_the_corpus(finkd, tagger, tmp_path):
    result = finkd("errors", tagger, "--corpus", "sample", "--out", tmp_path / "errors.html", code=2)
    assert "do not match sample" in result.stderr
    assert not (tmp_path / "errors.html").exists()
