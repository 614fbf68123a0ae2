"""How many processor threads the libraries use."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from finkd.experiments.benchmarking.benchmark import slower_together
from finkd.experiments.console.terminal import prepare_libraries
from finkd.machine import threads
from finkd.runtimes.timing import Batches

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
COMPUTING = ("run", "tune", "evaluate", "predict", "serve", "export", "compress", "benchmark", "analyze", "vocab")


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Describes a machine: the cores that this process may use, its control groups, and the load."""

    def make(cores=8, groups=None, own="0::/\n", load=0.0):
        for name in threads.VARIABLES:
            monkeypatch.setenv(name, "")  # so that what a test sets is taken back
            monkeypatch.delenv(name)
        for path, text in (groups or {}).items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        read = threads._read
        monkeypatch.setattr(threads, "_read", lambda path: own if path == Path("/proc/self/cgroup") else read(path))
        monkeypatch.setattr(threads, "_CGROUPS", tmp_path)
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)), raising=False)
        monkeypatch.setattr(os, "cpu_count", lambda: cores)
        monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load), raising=False)
        monkeypatch.setattr(torch, "set_num_threads", lambda count: None)

    return make


@pytest.mark.parametrize(
    ("groups", "own", "expected"),
    [
        ({}, "0::/\n", 8),
        ({"cpu.max": "max 100000\n"}, "0::/\n", 8),
        ({"cpu.max": "350000 100000\n"}, "0::/\n", 3),
        ({"cpu.max": "50000 100000\n"}, "0::/\n", 1),
        ({"cpu.max": "9000000 100000\n"}, "0::/\n", 8),
        ({"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "max 100000\n"}, "0::/a/b\n", 2),
        ({"cpu.max": "200000 100000\n"}, "0::/../../elsewhere\n", 2),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, "4:cpu:/docker/x\n", 4),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, "4:cpu:/docker/x\n", 8),
        ({"cpu.max": "nonsense\n"}, "", 8),
    ],
)
def test_threads_keep_to_the_quota_of_a_container(groups, own, expected, machine):
    machine(groups=groups, own=own)
    assert threads.available_threads() == expected
    threads.use_quota()
    assert os.environ.get("OMP_NUM_THREADS") == (str(expected) if expected < 8 else None)


def test_what_the_user_has_set_stays(machine, monkeypatch):
    machine(groups={"cpu.max": "100000 100000"})
    monkeypatch.setenv("OMP_NUM_THREADS", "4,2")
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    prepare_libraries()
    assert threads.available_threads() == 4
    assert threads.share_of_threads(3) == 1
    assert (os.environ["OMP_NUM_THREADS"], os.environ["OMP_WAIT_POLICY"]) == ("4,2", "active")


def test_a_library_of_its_own_takes_as_many_as_pytorch_if_that_is_imported(machine, monkeypatch):
    machine(cores=4)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert threads.default_threads() == 3
    monkeypatch.delitem(sys.modules, "torch")
    assert threads.default_threads() == 4


@pytest.mark.parametrize("wrong", ["", "many", "0", "-1"])
def test_a_variable_that_is_no_number_is_none(wrong, machine, monkeypatch):
    machine(cores=4)
    monkeypatch.setenv("OMP_NUM_THREADS", wrong)
    assert threads.available_threads() == 4


@pytest.mark.parametrize(
    ("cores", "load", "free"), [(2, 0.4, None), (2, 0.6, 1), (2, 5.0, 1), (8, 3.0, 5), (1, 4.0, None)]
)
def test_a_busy_machine_is_told_of(cores, load, free, machine):
    machine(cores=cores, load=load)
    warning = threads.busy_warning()
    if free is None:
        assert warning is None
    else:
        assert f"keep about {load:.1f} of {cores} cores busy" in warning
        assert f"--threads {free} may be faster" in warning
        threads.use_threads(free)
        assert threads.busy_warning() is None


@pytest.mark.parametrize("command", COMPUTING)
def test_every_command_that_computes_takes_a_number_of_threads(command, finkd):
    result = finkd(command, "--threads", "0", *([] if command in ("predict", "serve") else ["--out", "y"]), "x", code=2)
    assert "Invalid value for '--threads'" in result.stderr


def test_the_number_holds_in_every_library():
    code = """
import os
from finkd.experiments.cli import app
try:
    app(["vocab", "--threads", "1", "--corpus", "missing", "--vocab-size", "9", "--out", "nowhere"])
except SystemExit:
    import torch
    variables = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
    print(torch.get_num_threads(), *(os.environ[name] for name in variables))
"""
    kept = {name: value for name, value in os.environ.items() if name not in threads.VARIABLES}
    kept.pop("OMP_WAIT_POLICY", None)
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=kept, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["1", "1", "1", "1"]


@pytest.mark.parametrize(("load", "percent", "policy"), [(0.0, 90, None), (7.0, 90, "passive"), (7.0, 3, None)])
def test_threads_sleep_on_a_machine_that_is_busy_now(load, percent, policy, machine, monkeypatch):
    machine(load=load)
    monkeypatch.setattr(psutil, "cpu_percent", lambda seconds: percent)
    monkeypatch.setenv("OMP_WAIT_POLICY", "")
    monkeypatch.delenv("OMP_WAIT_POLICY")
    prepare_libraries()
    assert os.environ.get("OMP_WAIT_POLICY") == policy


def test_threads_that_make_a_model_slower_are_told_of():
    words = np.array([100])
    one = Batches({"a": np.array([1.0]), "b": np.array([1.0])}, words, {})
    both = Batches({"a": np.array([2.0]), "b": np.array([0.5])}, words, {})
    (warning,) = slower_together(one, both, 2)
    assert warning.startswith("warning: a: 50 words/s on 2 threads, 100 on one; use --threads 1")
