"""What commands import: nothing slow before mistakes that cost nothing to find, and no PyTorch to run a graph."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from finkd.export.onnx_export import export_onnx
from tests.finkd.toys import LABELS, tiny_model

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SLOW = ("torch", "transformers", "accelerate", "datasets", "optuna", "sklearn", "spacy")
CODE = f"""
import os, sys
sys.argv[0] = "finkd"
from finkd.experiments.cli import main
try:
    main()
except SystemExit as end:
    print(end.code, *[name for name in {SLOW} if name in sys.modules])
"""
MISTAKES = {
    "predict no/such/folder x": "model 'no/such/folder'",
    "predict no/such/folder --file missing.txt": "missing.txt",
    "serve no/such/folder": "model 'no/such/folder'",
    "evaluate no/such/folder --corpus sample": "model 'no/such/folder'",
    "evaluate no/such/folder --suite glue": "model 'no/such/folder'",
    "evaluate no/such/folder --suite glu": "suites: there is no 'glu'; did you mean 'glue'?",
    "export no/such/folder --to onnx": "model 'no/such/folder'",
    "distill --teacher no/such/folder --text sample-text --out small": "model 'no/such/folder'",
    "distill --teacher spcy:en --text sample-text --out small": "there is no 'spcy'; did you mean 'spacy'?",
    "distill --teacher sentence-transformers/all-MiniLM-L6-v2 --text no/such --out small": "no/such",
    "distill --teacher x --out small --labels MISC": "--labels: expected a type of the teacher",
    "compress no/such/folder --method prune": "model 'no/such/folder'",
    "compress no/such/folder --method prun": "methods: there is no 'prun'; did you mean 'prune'?",
    "benchmark no/such/folder": "model 'no/such/folder'",
    "benchmark no/such/folder --runtimes egger": "runtimes: there is no 'egger'; did you mean 'eager'?",
    "run missing.yaml": "missing.yaml: does not exist",
    "run pyproject.toml": "pyproject.toml:",
    "run truncate-layers>nonsens --corpus no/such/corpus": "no/such/corpus",
    "run experiments/configs/quickstart.yaml --set text.corpus=no/such/text": "no/such/text",
    "run experiments/configs/quickstart.yaml --set corpus=no/such/corpus": "no/such/corpus",
    "run experiments/configs/quickstart.yaml --set teacher=no/such/folder": "model 'no/such/folder'",
    "tune experiments/configs/tune.yaml --set corpus=no/such/corpus": "no/such/corpus",
    "tune experiments/configs/tune.yaml --set teacher=no/such/folder": "model 'no/such/folder'",
    "tune experiments/configs/tune.yaml --storage mysql://x/y": "--storage: expected sqlite, postgresql or grpc",
    "dashboard --runs missing": "there is no study yet",
    "dashboard --runs missing --host 0.0.0.0": "can be reached by other machines",
    "vocab --corpus sample-text --grow-from no/such/folder --out no/such/tokenizer": "no/such/folder",
    "analyze --corpus sample --teacher no/such/folder": "no/such/folder",
    "align --student no/such/folder text": "no/such/folder",
    "tune missing.yaml": "missing.yaml: cannot be read",
    "tune experiments/configs/quickstart.yaml": "nothing to tune; add a section 'search'",
    "report missing": "missing: there is no such run",
    "store ls --store missing": "missing: there is no store",
    "vocab --corpus no/such/corpus --vocab-size 100 --out no/such/tokenizer": "no/such/corpus",
    "analyze --corpus no/such/corpus": "no/such/corpus",
}


@pytest.fixture(scope="module")
def ended():
    """How the command ends for every mistake, each in a process of its own."""

    def run(mistake):
        command = [sys.executable, "-c", CODE, *mistake.split()]
        return subprocess.run(
            command, cwd=ROOT, env={**os.environ, "HF_HUB_OFFLINE": "1"}, capture_output=True, text=True
        )

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(MISTAKES, pool.map(run, MISTAKES), strict=True))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_before_anything_slow_is_imported(mistake, ended):
    found = ended[mistake]
    assert MISTAKES[mistake] in found.stderr
    code, *slow = found.stdout.split()
    assert code in ("1", "2")
    assert slow == []


def test_a_graph_is_run_without_pytorch(tmp_path):
    export_onnx(tiny_model(labels=LABELS, layers=1), tmp_path / "graph", "onnx-int8")
    command = [sys.executable, "-c", CODE, "predict", str(tmp_path / "graph"), "Acme fell."]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Acme" in ended.stdout
    assert ended.stdout.split()[-2:] == ["0", "spacy"], ended.stderr


def test_a_strategy_with_an_unknown_stage_imports_no_torch():
    code = """
import sys
from finkd.corpora.errors import UnknownNameError
from finkd.strategies.parsing import parse
try:
    parse("truncate-layers > finetun", {})
except UnknownNameError as error:
    assert "did you mean 'finetune'?" in str(error)
    assert "at character 18 of 'truncate-layers > finetun'" in str(error)
    print("torch" in sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["False"]
