"""Seeds that are trained at once."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from finkd.corpora.errors import DataError
from finkd.experiments.running.jobs import KilledError, side_by_side
from finkd.machine.threads import VARIABLES, available_threads
from finkd.models.loading import load_model
from finkd.records import load_records
from tests.experiments.running.work import (
    die_at_two,
    fail_beside_a_talker,
    tell_and_square,
    threads,
    work_for_ten_minutes,
)

pytestmark = pytest.mark.slow


def test_every_seed_is_done_and_all_that_it_tells_is_heard():
    heard = []
    assert side_by_side(tell_and_square, [1, 2, 3], 2, heard.append) == {1: 1, 2: 4, 3: 9}
    assert sorted(heard) == [(seed, step) for seed in (1, 2, 3) for step in range(3)]


def test_a_failure_does_not_keep_the_others_from_ending():
    heard = []
    with pytest.raises(DataError, match="two: is not one"):
        side_by_side(fail_beside_a_talker, [1, 2], 2, heard.append)
    assert heard == list(range(5000))


@pytest.mark.parametrize("given", [None, "4"])
def test_the_cores_are_shared(given, monkeypatch):
    for name in VARIABLES if given else ():
        monkeypatch.setenv(name, given)
    expected = max(1, available_threads() // 2)
    assert side_by_side(threads, [1, 2], 2, print) == dict.fromkeys((1, 2), expected)
    assert given is None or expected == 2


def test_a_process_that_is_killed_is_an_error_in_words():
    with pytest.raises(KilledError, match="a process was killed"):
        side_by_side(die_at_two, [1, 2], 2, print)


KILLS_ITSELF = """
import os, signal
from finkd.experiments.running.jobs import side_by_side
from tests.experiments.running.work import name_process_and_work

if __name__ == "__main__":
    side_by_side(name_process_and_work, [1], 1, lambda event: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_processes_end_with_the_one_that_began_them(tmp_path):
    script, named = tmp_path / "script.py", tmp_path / "process"
    script.write_text(KILLS_ITSELF)
    root = Path(__file__).parents[3]
    variables = {**os.environ, "PYTHONPATH": str(root), "PROCESS": str(named)}
    assert subprocess.run([sys.executable, script], cwd=root, env=variables, check=False).returncode == -signal.SIGKILL
    process, deadline = int(named.read_text()), time.monotonic() + 60
    while psutil.pid_exists(process) and psutil.Process(process).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_interrupted_one_ends_its_processes_at_once():
    def interrupt(event):
        raise KeyboardInterrupt

    began = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        side_by_side(work_for_ten_minutes, [1], 1, interrupt)
    assert time.perf_counter() - began < 300
    assert not multiprocessing.active_children()


def test_a_run_with_two_jobs_comes_to_the_same(finkd, config, finished, tmp_path):
    result = finkd("run", config, "--out", tmp_path / "out", "--seeds", "1,2", "--jobs", "2", code=0)
    for seed in (1, 2):
        assert f"Domain student (seed {seed}) task-distill:gold: begins" in result.stderr
    records = load_records([tmp_path / "out" / "records"])
    assert sorted(r.seed for r in records if r.system == "Domain student") == [1, 2]
    assert not any(stage.cached for r in records for stage in r.lineage if stage.kind.startswith("task-distill"))
    alone, beside = (load_model(out / "models" / "teacher-seed-1") for out in (finished, tmp_path / "out"))
    for mine, yours in zip(alone.network.parameters(), beside.network.parameters(), strict=True):
        torch.testing.assert_close(mine, yours, atol=1e-4, rtol=1e-4)
