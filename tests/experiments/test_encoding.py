"""Bytes and characters that an encoding lacks: arguments, environment variables, file names, and what is printed."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from finkd.experiments.cli import app
from tests.finkd.toys import LABELS, tiny_model

pytestmark = pytest.mark.slow

COMMANDS = ("run", "analyze", "vocab", "align", "list", "tune", "dashboard", "evaluate", "benchmark", "compress")
COMMANDS += ("export", "predict", "serve", "report", "human-eval form", "human-eval score", "store ls")
TEXT = "Société lent Acme money."
LATIN = TEXT.encode("latin-1")
ODD = os.fsdecode(b"Soci\xe9t\xe9")


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    """A tagger that takes every word for an entity."""
    folder = tmp_path_factory.mktemp("tagger")
    model = tiny_model(labels=LABELS)
    model.tagging_head.bias.data[LABELS.index("B-ORG")] = 100.0
    model.save(folder)
    return folder


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("place", ["argument", "option"])
def test_an_argument_that_is_not_utf8_is_refused_by_every_command(command, place, finkd):
    (line,) = finkd(*command.split(), *([ODD] if place == "argument" else ["--out", ODD])).stderr.splitlines()
    assert line.startswith(
        f"finkd: argument 'Soci\\xe9t\\xe9': character 5 is a byte that is not {sys.getfilesystemencoding()}"
    )


def test_the_bytes_of_a_shell_end_in_one_line(tagger):
    command = [sys.executable, "-m", "tests.experiments.command", "predict", str(tagger), LATIN]
    result = subprocess.run(command, capture_output=True, check=False, timeout=300)
    assert result.returncode == 2
    assert result.stdout == b""
    assert result.stderr.startswith(b"finkd: argument 'Soci\\xe9t\\xe9 lent Acme money.': character 5 is a byte")
    assert result.stderr.count(b"\n") == 1


@pytest.mark.parametrize("name", ["FINKD_DATA", "FINKD_CACHE", "HF_HOME"])
def test_an_environment_variable_that_is_not_utf8_is_refused(name, finkd, monkeypatch):
    monkeypatch.setenv(name, ODD)
    result = finkd("list", "corpora", code=2)
    assert result.stderr.startswith(f"finkd: environment variable {name} 'Soci\\xe9t\\xe9': character 5")


def test_names_of_files_that_are_not_utf8_are_escaped(finkd, tmp_path):
    (tmp_path / f"{ODD}.record.json").write_text("{")
    result = finkd("report", tmp_path, "--out", tmp_path / "out", code=1)
    (line,) = result.stderr.splitlines()
    assert "Soci\\udce9t\\udce9.record.json" in line
    assert "defect" not in line


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_entities_are_printed_in_any_encoding(encoding, tagger, tmp_path):
    text = f"{TEXT} 中"
    (tmp_path / "texts.txt").write_text(f"{text}\n", encoding="utf-8")
    arguments = ["predict", str(tagger), "--file", str(tmp_path / "texts.txt")]
    runner = CliRunner(charset=encoding)
    shown = runner.invoke(app, arguments)
    assert shown.exit_code == 0, shown.stderr
    marked = "[Société ORG] [lent ORG] [Acme ORG] [money ORG][. ORG] [中 ORG]\n"
    assert shown.stdout == marked.encode(encoding, "backslashreplace").decode(encoding)
    assert json.loads(runner.invoke(app, [*arguments, "--json"]).stdout)["text"] == text
