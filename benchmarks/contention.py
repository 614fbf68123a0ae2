"""Measure the speed of training beside another program on the same cores, by wait policy and number of threads.

    python benchmarks/contention.py
    python benchmarks/contention.py --rounds 1 --steps 20

An encoder of a student's size (3 layers, 384 wide, random weights) is trained on random tokens, each time in a fresh
process: with OpenMP's own default, in which threads that wait spin, with OMP_WAIT_POLICY=passive, in which they sleep,
and with what ``finkd`` chooses at that moment; alone, beside a loop that never waits on each of the two cores, and
beside another training of two threads that spin. All sides take turns in every round, so that whatever else the machine
does hits all of them alike. Figures are medians over the rounds of the tokens per second after the warm-up; ratios are
those to the default with two threads under the same conditions. Prints one JSON line.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.shared import options
from finkd.experiments.console.terminal import prepare_libraries
from finkd.machine.threads import VARIABLES

CORES = 2
POLICIES: dict[str, dict[str, str]] = {"default": {}, "passive": {"OMP_WAIT_POLICY": "passive"}, "finkd": {}}
SIDES = [("default", 2), ("passive", 2), ("finkd", 2), ("default", 1)]
CONDITIONS = ("alone", "beside loops", "beside a training")
BUSY_SECONDS = 30
"""After which the load average shows what runs beside."""
UNSET = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", *VARIABLES)


def main() -> None:
    """Run every side beside a neighbour and without one, and print the comparison."""
    given = options(
        __doc__,
        rounds=5,
        steps=(30, "timed training steps of a side"),
        warm_up=(3, "steps before them"),
        hidden={"side": str},
    )
    if given.side:
        if given.side == "finkd":
            prepare_libraries()
        print(json.dumps(_trained(given.steps, given.warm_up)))
        return
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    os.sched_setaffinity(0, cores)  # the sides and the neighbour inherit it
    found: dict[str, list[float]] = {}
    for _ in range(given.rounds):
        for condition in CONDITIONS:
            with _neighbour(condition, cores):
                for policy, threads in SIDES:
                    name = f"{policy}, {threads} threads, {condition}"
                    found.setdefault(name, []).append(_side(policy, given.steps, given.warm_up, threads))
    speeds = {name: statistics.median(values) for name, values in found.items()}
    ratios = {
        name: round(value / speeds[f"default, 2 threads, {name.rpartition(', ')[2]}"], 2)
        for name, value in speeds.items()
    }
    result = {
        "benchmark": "contention",
        "cores": len(cores),
        "rounds": given.rounds,
        "tokens_per_second": {name: round(value, 1) for name, value in speeds.items()},
        "ratios": ratios,
        "all": {name: [round(value, 1) for value in values] for name, values in found.items()},
    }
    print(json.dumps(result))


def _side(policy: str, steps: int, warm_up: int, threads: int) -> float:
    """Measure tokens per second of one side in a process of its own."""
    command, environment = _command(policy, steps, warm_up), _environment(policy, threads)
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout))


def _command(policy: str, steps: int, warm_up: int) -> list[str]:
    return [sys.executable, __file__, "--side", policy, "--steps", str(steps), "--warm-up", str(warm_up)]


def _environment(policy: str, threads: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    return {**kept, **dict.fromkeys(VARIABLES, str(threads)), **POLICIES[policy]}


@contextlib.contextmanager
def _neighbour(condition: str, cores: list[int]) -> Iterator[None]:
    """Run a neighbour beside, for long enough that the load average shows it."""
    if condition == "alone":
        yield
        return
    loop, training = [sys.executable, "-c", "while True: pass"], _command("default", sys.maxsize, 0)
    commands = [loop] * len(cores) if condition == "beside loops" else [training]
    environment = _environment("default", len(cores))
    processes = [subprocess.Popen(command, env=environment) for command in commands]
    try:
        time.sleep(BUSY_SECONDS)
        yield
    finally:
        for each in processes:
            each.kill()
            each.wait()


def _trained(steps: int, warm_up: int) -> float:
    """Measure tokens per second of forward and backward passes of a small encoder of random weights."""
    import torch
    from transformers import BertConfig, BertForTokenClassification

    torch.manual_seed(1)
    size = {"hidden_size": 384, "num_hidden_layers": 3, "num_attention_heads": 12, "intermediate_size": 1536}
    config = BertConfig(vocab_size=8000, num_labels=9, **size)
    network = BertForTokenClassification(config).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    ids, labels = torch.randint(0, 8000, (16, 32)), torch.randint(0, 9, (16, 32))
    began = 0.0
    for step in range(warm_up + steps):
        if step == warm_up:
            began = time.perf_counter()
        optimizer.zero_grad()
        network(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
    return steps * ids.numel() / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
