"""How fast a training is beside another program on the same cores, by how its threads wait and how many there are.

    python benchmarks/contention.py
    python benchmarks/contention.py --rounds 1 --steps 20

An encoder of a student's size (3 layers, 384 wide, random weights) is trained on random tokens, each time in a fresh
process with a fixed environment: OMP_WAIT_POLICY=passive, which ``finkd`` sets on a busy machine, or OpenMP's own
default, with two threads and with one; without a
neighbour, and beside a loop that never waits on each of the two cores. All sides take
turns in every round, so that whatever else the machine does hits all of them alike. Figures are medians over the rounds
of the tokens per second after the warm-up; ratios are those to the default with two threads under the same conditions.
Prints one JSON line.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from experiments.threads import VARIABLES

CORES = 2
POLICIES = {"default": None, "passive": "passive"}
SIDES = [(policy, threads) for policy in POLICIES for threads in (2, 1)]
UNSET = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", *VARIABLES)


def main() -> None:
    """Run every side beside a neighbour and without one, and print the comparison."""
    options = _options()
    if options.side:
        print(json.dumps(_trained(options.steps, options.warm_up)))
        return
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    os.sched_setaffinity(0, cores)  # the sides and the neighbour inherit it
    found: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for condition in ("alone", "beside a loop"):
            with _neighbour(cores) if condition != "alone" else contextlib.nullcontext():
                for policy, threads in SIDES:
                    name = f"{policy}, {threads} threads, {condition}"
                    found.setdefault(name, []).append(_side(options, POLICIES[policy], threads))
    speeds = {name: statistics.median(values) for name, values in found.items()}
    ratios = {
        name: round(value / speeds[f"default, 2 threads, {name.rpartition(', ')[2]}"], 2)
        for name, value in speeds.items()
    }
    print(
        json.dumps(
            {
                "benchmark": "contention",
                "cores": len(cores),
                "rounds": options.rounds,
                "tokens_per_second": {name: round(value, 1) for name, value in speeds.items()},
                "ratios": ratios,
                "all": {name: [round(value, 1) for value in values] for name, values in found.items()},
            }
        )
    )


def _options() -> argparse.Namespace:
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--rounds", type=int, default=5)
    found.add_argument("--steps", type=int, default=30, help="timed training steps of a side")
    found.add_argument("--warm-up", type=int, default=3, help="steps before them")
    found.add_argument("--side", action="store_true", help=argparse.SUPPRESS)
    return found.parse_args()


def _side(options: argparse.Namespace, policy: str | None, threads: int) -> float:
    """Tokens per second of one side in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    chosen = dict.fromkeys(VARIABLES, str(threads)) | ({"OMP_WAIT_POLICY": policy} if policy else {})
    command = [sys.executable, __file__, "--side", "--steps", str(options.steps), "--warm-up", str(options.warm_up)]
    done = subprocess.run(command, env={**kept, **chosen}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(json.loads(done.stdout))


@contextlib.contextmanager
def _neighbour(cores: list[int]) -> Iterator[None]:
    """A loop on each core."""
    loops = [multiprocessing.Process(target=_loop, args=(core,), daemon=True) for core in cores]
    for loop in loops:
        loop.start()
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.join()


def _loop(core: int) -> None:
    os.sched_setaffinity(0, [core])
    while True:
        pass


def _trained(steps: int, warm_up: int) -> float:
    """Tokens per second of forward and backward passes of a small encoder, without reading a model or a corpus."""
    import time

    import torch
    from transformers import BertConfig, BertForTokenClassification

    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=8000,
        hidden_size=384,
        num_hidden_layers=3,
        num_attention_heads=12,
        intermediate_size=1536,
        num_labels=9,
    )
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
