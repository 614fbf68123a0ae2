"""What is installed is one top-level package, which no neighbour of another name can break, and needs no clone."""

import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import finkd
from tests.docs.test_pages import COMMANDS
from tests.experiments.conftest import TEST, TRAIN
from tests.finkd.toys import tiny_model

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
NEIGHBOURS = (
    "corpora",
    "tokenization",
    "reports",
    "experiments",
    "docs",
    "tests",
    "models",
    "losses",
    "data",
    "training",
)
PROGRAM = """
import sys
import finkd
for name in finkd.__all__:
    getattr(finkd, name)
finkd.load_corpus("sample")
from finkd.experiments.cli import main
from finkd.strategies.parsing import parse
parse("truncate-layers > replace-vocabulary > task-distill:text > finetune", {})
assert not NEIGHBOURS & set(sys.modules), "a neighbour was imported"
print(finkd.__file__)
"""
SEVERAL = (ROOT / "tests" / "experiments" / "command.py").read_text(encoding="utf-8")
"""A program that takes several commands."""


@pytest.fixture
def neighbours(tmp_path):
    """A folder with packages and modules in turn that are called like folders of finkd and cannot be imported."""
    for place, name in enumerate(NEIGHBOURS):
        path = tmp_path / "neighbours" / (f"{name}.py" if place % 2 else f"{name}/__init__.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("raise RuntimeError('a neighbour of finkd was imported')\n")
    return tmp_path / "neighbours"


def run_beside(neighbours, installed):
    """Run the program in the neighbours' folder, with finkd from another one."""
    program = f"import sys; sys.path.insert(1, {str(installed)!r})\n" + PROGRAM.replace(
        "NEIGHBOURS", repr(set(NEIGHBOURS))
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=neighbours, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def test_a_checkout_works_beside_neighbours(neighbours):
    assert run_beside(neighbours, ROOT) == ROOT / "finkd" / "__init__.py"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel of this checkout."""
    if find_spec("hatchling") is None:
        pytest.skip("needs hatchling")
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_a_wheel_works_beside_neighbours(neighbours, wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
        assert {top for top in tops if not top.endswith(".dist-info")} == {"finkd"}
        archive.extractall(tmp_path / "site")
    assert run_beside(neighbours, tmp_path / "site") == tmp_path / "site" / "finkd" / "__init__.py"


@pytest.fixture(scope="session")
def environment(wheel, tmp_path_factory):
    """A virtual environment with the wheel; its other packages are those of the tests, but for links to a checkout."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    install = ["install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(folder), *install], env=clean(folder), check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "packages-of-the-tests.pth").write_text(f"{Path(pytest.__file__).parents[1]}\n")
    return folder


def clean(home):
    """What a new user's environment has."""
    keep = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "OMP_NUM_THREADS")}
    return {**keep, "HOME": str(home), "HF_HUB_OFFLINE": "1"}


@pytest.fixture
def installed(environment, tmp_path):
    """The installed command in an empty folder: arguments in, standard output out."""
    folder, home = tmp_path / "empty", tmp_path / "home"
    folder.mkdir()
    home.mkdir()

    def run(*arguments, program="finkd"):
        command = [environment / "bin" / program, *arguments]
        done = subprocess.run(command, cwd=folder, env=clean(home), capture_output=True, text=True, check=False)
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout

    return run


def test_a_wheel_needs_no_clone(installed, environment, tmp_path):
    at = installed("-c", "import finkd; print(finkd.__file__)", program="python")
    assert Path(at.strip()).is_relative_to(environment)
    assert installed("--version") == f"finkd {finkd.__version__}\n"
    Draft202012Validator.check_schema(json.loads(installed("schema")))
    init = ("init", "mine.yaml", "--corpus", "sample", "--text", "sample-text")
    shown = installed(
        "-c", SEVERAL, "doctor", "then", *init, "then", "run", "quickstart", "--dry-run", program="python"
    )
    assert "ok  finkd: " in shown
    assert (tmp_path / "empty" / "mine.yaml").is_file()
    assert "domain vocabulary, distilled (seed 1)" in shown


def test_an_experiment_runs_from_a_wheel(installed, tmp_path):
    corpus, teacher = tmp_path / "corpus", tmp_path / "teacher"
    corpus.mkdir()
    (corpus / "train.conll").write_text(TRAIN)
    (corpus / "test.conll").write_text(TEST)
    tiny_model().save(teacher)
    settings = (f"teacher={teacher}", "name=toy", "measure=0", "stages.truncate-layers.layers=[1]")
    overrides = [word for setting in settings for word in ("--set", setting)]
    model = "runs/toy/models/student-seed-1"
    commands = (
        *("run", "truncate-finetune", "--corpus", corpus, *overrides, "then"),
        *("predict", model, "Acme Corp. borrowed $5 million.", "then", "errors", model, "--corpus", corpus),
    )
    assert "| student |" in installed("-c", SEVERAL, *commands, program="python")
    made = {path.name for path in (tmp_path / "empty").iterdir()}
    assert made == {"runs", "errors.html"}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_help_names_a_file_of_a_clone(name):
    assert not re.findall(r"\b(?:docs|experiments|benchmarks)/\S+", COMMANDS[name].help)


def test_the_links_of_a_checkout_are_there():
    for name in ("corpora", "tokenization", "reports", "experiments"):
        assert Path(finkd.__file__).with_name(name).resolve() == ROOT / name
