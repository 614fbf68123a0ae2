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


@pytest.fixture(scope="module")
def ended(installed, settings, tmp_path_factory):
    """Names are listed, a strategy runs, and an object is missing: in one process of its own, and where it ran."""
    folder = tmp_path_factory.mktemp("plugin-runs")
    changed = {**settings, "systems": {**settings["systems"], "Domain student": {"strategy": "forget-and-distill"}}}
    for name, content in (("runs", changed), ("fails", settings)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    commands = [
        *("list", "losses", "--json", "then", "list", "stages", "--json", "then", "list", "strategies", "--json"),
        *("then", "run", folder / "runs.yaml", "--out", folder / "out"),
        *("then", "run", folder / "fails.yaml", "--set", "stages.task-distill.losses={words-gone: {}}"),
        *("--out", folder / "nowhere"),
    ]
    paths = os.pathsep.join([str(installed), *sys.path])
    ended = subprocess.run(
        [sys.executable, "-m", "tests.experiments.command", *map(str, commands)],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    return ended, folder / "out"


def test_its_names_are_listed_with_the_package_that_they_come_from(ended):
    text, lists = ended[0].stdout, []
    for _ in range(3):
        found, end = json.JSONDecoder().raw_decode(text.lstrip())
        text, lists = text.lstrip()[end:], [*lists, found]
    for listed, name in zip(lists, ("words-mse", "forget", "forget-and-distill"), strict=True):
        assert [each["summary"] for each in listed if each["name"] == name] == ["from finkd-example"]


def test_its_strategy_runs(ended):
    records = list((ended[1] / "records").glob("*domain-student*.json"))
    assert len(records) == 1, ended[0].stderr
    assert json.loads(records[0].read_text())["strategy"] == "truncate-layers > forget > task-distill:gold"


def test_a_name_without_its_object_is_one_line(ended):
    assert ended[0].returncode == 2
    assert "losses: 'words-gone' of finkd-example cannot be imported" in ended[0].stderr
    assert "Traceback" not in ended[0].stderr
