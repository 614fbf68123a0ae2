"""What commands import: nothing slow before mistakes that cost nothing to find, and no PyTorch to run a graph."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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


FORKS = f"""
import json, os, sys, tempfile, finkd.experiments.cli
found = {{}}
for mistake in json.load(sys.stdin):
    files = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")
    if not (child := os.fork()):
        for number, file in enumerate(files, 1):
            os.dup2(file.fileno(), number)
        sys.argv[1:] = mistake.split()
        try:
            exec({CODE!r})
        except BaseException:
            sys.excepthook(*sys.exc_info())
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)
    for file in files:
        file.seek(0)
    found[mistake] = [file.read() for file in files]
print(json.dumps(found))
"""
"""``CODE`` for each mistake that it reads, in a copy of a process that has imported the command and no more."""


@pytest.fixture(scope="module")
def ended():
    """Standard output and error of the command for every mistake, each in a process of its own."""
    command = [sys.executable, "-c", FORKS]
    env = {**os.environ, "HF_HUB_OFFLINE": "1"}
    given = json.dumps(list(MISTAKES))
    run = subprocess.run(command, cwd=ROOT, env=env, input=given, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_before_anything_slow_is_imported(mistake, ended):
    shown, said = ended[mistake]
    assert MISTAKES[mistake] in said
    code, *slow = shown.split()
    assert code in ("1", "2")
    assert slow == []


def test_a_graph_is_run_without_pytorch(graph):
    command = [sys.executable, "-c", CODE, "predict", str(graph), "Acme fell."]
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
