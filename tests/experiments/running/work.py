"""Work for processes of tests. They import this module, which imports little."""

import os
import signal
import time
from pathlib import Path

from finkd.corpora.errors import DataError


def tell_and_square(seed, tell):
    for step in range(3):
        tell((seed, step))
    return seed * seed


def fail_beside_a_talker(seed, tell):
    if seed == 2:
        raise DataError("two: is not one")
    time.sleep(0.5)
    for step in range(5000):
        tell(step)
    return seed


def die_at_two(seed, tell):
    if seed == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.5)
    return seed


def name_process_and_work(seed, tell):
    Path(os.environ["PROCESS"]).write_text(str(os.getpid()))
    tell("begun")
    time.sleep(600)


def work_for_ten_minutes(seed, tell):
    tell("begun")
    time.sleep(600)


def threads(seed, tell):
    import torch

    return torch.get_num_threads()
