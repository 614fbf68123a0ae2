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


def test_jobs_and_processes_that_train_together_do_not_mix(finkd, steady, tmp_path, monkeypatch):
    for name, value in {"WORLD_SIZE": "2", "LOCAL_RANK": "0", "RANK": "0"}.items():  # what launchers tell a process
        monkeypatch.setenv(name, value)
    ended = finkd("run", steady, "--seeds", "1,2", "--jobs", "2", "--out", tmp_path / "mixed", code=2)
    assert "--jobs: cannot be used with accelerate launch" in ended.stderr


def test_a_rehearsal_ends_alike_in_one_process_and_in_two(finkd, settings, tmp_path):
    """Dropout, which differs from process to process, is left out of it; so are most sentences."""
    path = tmp_path / "toy.yaml"
    path.write_text(yaml.safe_dump(settings))
    finkd("run", path, "--tiny", "--out", tmp_path / "alone" / "toy", code=0)
    ended = command("run", path, "--tiny", "--out", tmp_path / "both" / "toy")
    assert ended.returncode == 0, ended.stderr[-4000:]
    assert scores(tmp_path / "both" / "toy") == scores(tmp_path / "alone" / "toy")
    experiment = json.loads((tmp_path / "both" / "toy" / "experiment.json").read_text())
    assert (experiment["name"], experiment["tiny"]) == ("toy-tiny", True)


def test_processes_share_the_labelling_of_a_text_and_go_on_after_a_kill(tmp_path):
    """Each process labels its parts; what one that was killed has left, the next run computes."""
    alone, both = tmp_path / "alone", tmp_path / "both"
    expected = labels_of(alone, "0")
    assert labels_of(both, "killed", processes=2) is None
    parts = {folder.name for folder in both.iterdir() if not folder.name.startswith(".")}
    assert parts  # those that were whole stay
    assert labels_of(both, "0", processes=2) == expected
    assert {folder.name for folder in both.iterdir() if not folder.name.startswith(".")} == {
        folder.name for folder in alone.iterdir() if not folder.name.startswith(".")
    }


def labels_of(store, how, processes=1):
    """The labels of a text as another program computes them, in some processes; ``None`` if it is killed."""
    launch = ["-m", "accelerate.commands.launch", *LAUNCH, "--mixed_precision=no", "--dynamo_backend=no"]
    start = [*launch, "--module"] if processes == 2 else ["-m"]
    out = store.with_suffix(".json")
    ended = subprocess.run(
        [sys.executable, *start, "tests.finkd.labelled", str(store), how, str(out)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    if how == "0":
        assert ended.returncode == 0, ended.stderr[-4000:]
    return json.loads(out.read_text()) if ended.returncode == 0 else None
