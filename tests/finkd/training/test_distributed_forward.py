"""Two processes that train together end where one does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.finkd import launched

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
LAUNCH = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes=2", "--num_machines=1"]
"""Without ``--multi_gpu`` accelerate starts one process; on a machine without GPUs they are processes all the same."""


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """Weights after each training in two processes."""
    path = tmp_path_factory.mktemp("together") / "weights.safetensors"
    # Any free port; the default one would be shared with another run of these tests.
    options = [*LAUNCH, "--main_process_port=0", "--mixed_precision=no", "--dynamo_backend=no"]
    command = [sys.executable, *options, str(ROOT / "tests" / "finkd" / "launched.py"), str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr[-4000:]
    return load_file(path)


@pytest.mark.parametrize("training", launched.TRAININGS)
def test_two_processes_end_where_one_does(training, together):
    alone = launched.weights(launched.TRAININGS[training]())
    for name, weight in alone.items():
        torch.testing.assert_close(together[f"{training}/{name}"], weight, rtol=0, atol=1e-5, msg=name)
