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


def test_two_processes_give_the_results_of_one(finkd, settings, steady, tmp_path):
    """Of an experiment, and then of a rehearsal, which leaves out dropout, that differs from process to process."""
    rehearsed = tmp_path / "toy.yaml"
    rehearsed.write_text(yaml.safe_dump(settings))
    commands = {"steady": ("run", steady), "toy": ("run", rehearsed, "--tiny")}
    alone, both = tmp_path / "alone", tmp_path / "both"
    ended = [finkd(*words, "--out", alone / name / "run", code=0) for name, words in commands.items()]
    together = command(
        *(each for name, words in commands.items() for each in (*words, "--out", both / name / "run", "then"))
    )
    assert together.returncode == 0, together.stderr[-4000:]
    for name in commands:
        assert scores(both / name / "run") == scores(alone / name / "run")
        assert {e.name for e in (both / name / "store").iterdir()} == {
            e.name for e in (alone / name / "store").iterdir()
        }
    shown = sum(each.stdout.count("Domain student") for each in ended)
    assert together.stdout.count("Domain student") == shown  # one process shows the tables
    experiment = json.loads((both / "toy" / "run" / "experiment.json").read_text())
    assert (experiment["name"], experiment["tiny"]) == ("toy-tiny", True)


def test_jobs_and_processes_that_train_together_do_not_mix(finkd, steady, tmp_path, monkeypatch):
    for name, value in {"WORLD_SIZE": "2", "LOCAL_RANK": "0", "RANK": "0"}.items():  # what launchers tell a process
        monkeypatch.setenv(name, value)
    ended = finkd("run", steady, "--seeds", "1,2", "--jobs", "2", "--out", tmp_path / "mixed", code=2)
    assert "--jobs: cannot be used with accelerate launch" in ended.stderr


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
