"""What works without the extras, and what is said where one is missing."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from finkd.experiments.extras import EXTRAS, advice

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_MAIN = "import sys; sys.path[:0] = sys.argv.pop(1).split(':'); from finkd.experiments.cli import main; main()"


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    """The command without the packages of any extra: links to all others, in place of the folder of packages."""
    folder = tmp_path_factory.mktemp("packages")
    distributions = metadata.packages_distributions()
    without = {name for package in EXTRAS for name in distributions.get(package, ())}
    hidden = {file.parts[0] for name in without for file in metadata.distribution(name).files}
    for path in Path(pytest.__file__).parents[1].iterdir():
        if path.name not in hidden and path.suffix != ".pth":
            (folder / path.name).symlink_to(path)

    def run(*arguments):
        command = [sys.executable, "-S", "-c", _MAIN, f"{folder}:{ROOT}", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def test_the_extras_of_the_project_are_those_that_are_told():
    named = {
        re.split(r"[\[>=]", each)[0].replace("-", "_").replace("scikit_learn", "sklearn"): extra
        for extra, wanted in PROJECT["optional-dependencies"].items()
        if extra in set(EXTRAS.values())
        for each in wanted
    }
    assert {package: EXTRAS.get(package) for package in named} == named
    core_packages = {re.split(r"[\[>=]", each)[0].replace("-", "_") for each in PROJECT["dependencies"]}
    assert not core_packages & set(EXTRAS)


def test_an_experiment_runs_without_them(core, config, corpus, tmp_path):
    out = tmp_path / "run"
    model = out / "models" / "domain-student-seed-1"
    for command in (
        ("run", config, "--out", out),
        ("predict", model, "Acme Corp. borrowed $5 million."),
        ("errors", model, "--corpus", corpus, "--out", tmp_path / "errors.html"),
    ):
        result = core(*command)
        assert result.returncode == 0, (command, result.stderr)


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("tune", "experiments/configs/tune.yaml", "--trials", "1"), "tune"),
        (("export", "{tagger}", "--to", "onnx"), "export"),
        (("serve", "{tagger}"), "serve"),
        (("evaluate", "{tagger}", "--suite", "summarization", "--random-weights"), "general"),
        (("compress", "{tagger}", "--method", "tensorize"), "compress"),
    ],
)
def test_what_is_missing_is_named_in_one_line(core, arguments, extra, tagger, tmp_path, monkeypatch):
    monkeypatch.setenv("FINKD_DATA", str(tmp_path))
    result = core(*(str(tagger) if each == "{tagger}" else each for each in arguments))
    assert result.returncode == 1, result.stderr
    assert re.search(
        rf"^finkd: {arguments[0]}: needs the package \w+: pip install 'finkd\[{extra}\]'$", result.stderr, re.M
    )
    assert "Traceback" not in result.stderr


def test_other_packages_are_no_extra():
    assert advice(ModuleNotFoundError("No module named 'numpy'", name="numpy")) is None
