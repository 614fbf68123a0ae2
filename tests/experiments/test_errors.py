"""``finkd errors`` from models to the page."""

import pytest

pytestmark = pytest.mark.slow


def test_a_student_beside_its_teacher(finkd, finished, tagger, corpus, tmp_path):
    student = finished / "models" / "domain-student-seed-1"
    page = tmp_path / "errors.html"
    result = finkd("errors", student, tagger, "--corpus", corpus, "--out", page, code=0)
    assert "Kinds of errors" in result.stdout
    assert "only teacher-seed-1" in result.stdout
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_labels_have_to_be_those_of_the_corpus(finkd, tagger, tmp_path):
    result = finkd("errors", tagger, "--corpus", "sample", "--out", tmp_path / "errors.html", code=2)
    assert "do not match sample" in result.stderr
    assert not (tmp_path / "errors.html").exists()
