"""What is installed is one top-level package, which no neighbour of another name can break."""

import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

import finkd

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


@pytest.fixture(params=["packages", "modules"])
def neighbours(request, tmp_path):
    """A folder with packages, or modules, that are called like folders of finkd and cannot be imported."""
    for name in NEIGHBOURS:
        path = tmp_path / "neighbours" / (f"{name}/__init__.py" if request.param == "packages" else f"{name}.py")
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


@pytest.mark.skipif(find_spec("hatchling") is None, reason="needs hatchling")
def test_a_wheel_works_beside_neighbours(neighbours, tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "wheels")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (tmp_path / "wheels").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
        assert {top for top in tops if not top.endswith(".dist-info")} == {"finkd"}
        archive.extractall(tmp_path / "site")
    assert run_beside(neighbours, tmp_path / "site") == tmp_path / "site" / "finkd" / "__init__.py"


def test_the_links_of_a_checkout_are_there():
    for name in ("corpora", "tokenization", "reports", "experiments"):
        assert Path(finkd.__file__).with_name(name).resolve() == ROOT / name
