"""What finkd publishes can be read by whom the umask lets read it."""

import os
import stat

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def _group_may_read():
    before = os.umask(0o027)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_group_may_read", "pictures")
def test_everything_published_has_the_modes_of_the_umask(finkd, config, corpus, tmp_path):
    model = tmp_path / "runs" / "toy" / "models" / "teacher-seed-1"
    commands = [
        ("run", config, "--out", tmp_path / "runs" / "toy"),
        ("export", model, "--to", "onnx", "--corpus", corpus, "--out", tmp_path / "exports" / "onnx"),
        ("export", model, "--to", "spacy", "--out", tmp_path / "exports" / "spacy"),
        ("vocab", "--corpus", corpus, "--vocab-size", "150", "--out", tmp_path / "vocabulary"),
        ("analyze", "--teacher", model, "--tokenizer", model, "--corpus", corpus, "--out", tmp_path / "analysis"),
        ("predict", model, "Acme lent money.", "--html", tmp_path / "pages" / "predicted.html"),
        ("report", tmp_path / "runs" / "toy", "--out", tmp_path / "report"),
    ]
    for command in commands:
        finkd(*command, code=0)
    written = [path for path in tmp_path.rglob("*") if not path.is_symlink()]
    modes = {str(path.relative_to(tmp_path)): stat.S_IMODE(path.stat().st_mode) for path in written}
    assert {
        path: oct(mode) for path, mode in modes.items() if mode != (0o750 if (tmp_path / path).is_dir() else 0o640)
    } == {}
    assert {path.name for path in written} > {
        "model.safetensors",
        "model.onnx",
        "meta.json",
        "report.html",
        "results.md",
        "learning.svg",
    }
