"""A loss, a stage and a strategy of a package that is really installed, beside finkd."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).parents[1] / "plugin"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder on the import path with the package, installed by pip from a copy, because pip leaves files there."""
    folder = tmp_path_factory.mktemp("plugin")
    source = folder / "source"
    source.mkdir()
    for path in PLUGIN.glob("*.*"):
        (source / path.name).write_bytes(path.read_bytes())
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *offline, "--target", str(folder / "site"), str(source)]
    subprocess.run(command, check=True)
    return folder / "site"


def command(installed, *arguments):
    """``finkd`` in a process of its own, because entry points are read once."""
    paths = os.pathsep.join([str(installed), *sys.path])
    return subprocess.run(
        [sys.executable, "-m", "tests.experiments.command", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


def test_its_names_are_listed_with_the_package_that_they_come_from(installed):
    for kind, name in (("losses", "words-mse"), ("stages", "forget"), ("strategies", "forget-and-distill")):
        rows = {row["name"]: row for row in json.loads(command(installed, "list", kind, "--json").stdout)}
        assert rows[name]["summary"] == "from finkd-example"


def test_its_strategy_runs(installed, settings, tmp_path):
    changed = {**settings, "systems": {**settings["systems"], "Domain student": {"strategy": "forget-and-distill"}}}
    (tmp_path / "plugin.yaml").write_text(yaml.safe_dump(changed))
    ended = command(installed, "run", tmp_path / "plugin.yaml", "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    (record,) = (tmp_path / "out" / "records").glob("*domain-student*.json")
    assert json.loads(record.read_text())["strategy"] == "truncate-layers > forget > task-distill:gold"


def test_a_name_without_its_object_is_one_line(installed, settings, tmp_path):
    (tmp_path / "plugin.yaml").write_text(yaml.safe_dump(settings))
    ended = command(
        installed,
        "run",
        tmp_path / "plugin.yaml",
        "--set",
        "stages.task-distill.losses={words-gone: {}}",
        "--out",
        tmp_path,
    )
    assert ended.returncode == 2
    assert "losses: 'words-gone' of finkd-example cannot be imported" in ended.stderr
    assert "Traceback" not in ended.stderr
