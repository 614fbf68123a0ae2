"""The command in two processes, as ``accelerate launch`` starts it, gives what it gives in one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LAUNCH = ["--multi_gpu", "--num_processes=2", "--num_machines=1", "--main_process_port=0"]


@pytest.fixture(scope="module")
def steady(settings, tmp_path_factory):
    """An experiment whose students read kept states, without dropout, which differs from process to process."""
    still = {"epochs": 3, "batch_tokens": 64, "dropout": 0.0}
    distill = {
        "losses": {"word-logits-kl": {}, "aligned-hidden-states": {}},
        "cache_teacher_outputs": True,
        "schedule": still,
    }
    path = tmp_path_factory.mktemp("steady") / "steady.yaml"
    stages = {**settings["stages"], "finetune": {"schedule": still}, "task-distill": distill}
    path.write_text(yaml.safe_dump({**settings, "name": "steady", "stages": stages}))
    return path


def command(*arguments):
    """The command in two processes."""
    options = [*LAUNCH, "--mixed_precision=no", "--dynamo_backend=no", "--module", "tests.experiments.command"]
    return subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", *options, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def scores(folder):
    """Scores by record."""
    return {path.name: json.loads(path.read_text())["scores"] for path in (folder / "records").iterdir()}


def test_two_processes_give_the_results_of_one(finkd, steady, tmp_path):
    alone = finkd("run", steady, "--out", tmp_path / "alone" / "steady", code=0)
    ended = command("run", steady, "--out", tmp_path / "both" / "steady")
    assert ended.returncode == 0, ended.stderr[-4000:]
    assert scores(tmp_path / "both" / "steady") == scores(tmp_path / "alone" / "steady")
    assert ended.stdout.count("Domain student") == alone.stdout.count("Domain student")  # one process shows the table
    assert {e.name for e in (tmp_path / "both" / "store").iterdir()} == {
        e.name for e in (tmp_path / "alone" / "store").iterdir()
    }


def test_jobs_and_processes_that_train_together_do_not_mix(steady, tmp_path):
    ended = command("run", steady, "--seeds", "1,2", "--jobs", "2", "--out", tmp_path / "mixed")
    assert ended.returncode != 0
    assert "--jobs: cannot be used with accelerate launch" in ended.stderr
