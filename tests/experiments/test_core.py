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
_MAIN = "import sys; sys.path[:0] = sys.argv.pop(1).split(':'); from tests.experiments.command import main; main()"


def tops(names):
    """What lies in the folder of packages for some distributions."""
    return {file.parts[0] for name in names for file in metadata.distribution(name).files}


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    """The command without the packages of any extra."""
    distributions = metadata.packages_distributions()
    hidden = tops({name for package in EXTRAS for name in distributions.get(package, ())})
    return command_with(lambda name: name not in hidden, tmp_path_factory)


@pytest.fixture(scope="module")
def for_graphs(tmp_path_factory):
    """The command with the packages for graphs alone, which are those of ``graph.lock``."""
    lock = (ROOT / ".ci" / "requirements" / "graph.lock").read_text()
    kept = tops(re.findall(r"^([a-z0-9-]+)==", lock, re.M))
    return command_with(lambda name: name in kept, tmp_path_factory)


def command_with(is_kept, tmp_path_factory):
    """The command with some packages alone: links to them, in place of the folder of packages."""
    folder = tmp_path_factory.mktemp("packages")
    for path in Path(pytest.__file__).parents[1].iterdir():
        if is_kept(path.name) and path.suffix != ".pth":
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
    result = core(
        *("run", config, "--out", out, "then"),
        *("predict", model, "Acme Corp. borrowed $5 million.", "then"),
        *("errors", model, "--corpus", corpus, "--out", tmp_path / "errors.html"),
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "errors.html").is_file()


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


def test_a_graph_runs_without_pytorch_and_a_model_says_what_it_needs(for_graphs, tagger, graph):
    result = for_graphs("predict", graph, "Acme fell.")
    assert (result.returncode, "Acme" in result.stdout) == (0, True), result.stderr
    result = for_graphs("predict", tagger, "Acme fell.")
    assert (result.returncode, result.stderr) == (
        1,
        "finkd: predict: needs the package torch (an exported graph does not): pip install finkd\n",
    )


def test_other_packages_are_no_extra():
    assert advice(ModuleNotFoundError("No module named 'numpy'", name="numpy")) is None
