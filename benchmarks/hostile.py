"""Read hostile inputs of every kind in child processes with limits, and count the outcomes.

    python benchmarks/hostile.py
    python benchmarks/hostile.py --kinds data,requests --count 100 --seed 2

A case is a broken or odd input that ``tests/hostile`` generates from a seed: data files, configurations, model folders,
tokenizer files, ONNX folders, requests. It must be read as it was meant, or be refused by an error of finkd that says
where. Faults are another error (``traceback``), another value (``misread``), more than 10 seconds (``hang``) and more
memory than the limit, or the death of the process (``crash``). Prints one JSON line; exits 1 if there is any fault.
"""

from __future__ import annotations

import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.shared import ROOT, options
from tests.hostile.case import KINDS, generator, judge

SECONDS = 10.0
START_SECONDS = 120.0
MEMORY = 6 * 2**30
FAULTS = ("traceback", "misread", "hang", "crash")


def child(kind: str, seed: int, first: int, count: int) -> None:
    """Judge some cases, one line of JSON before and one after each."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what libraries print is no answer
    generate = generator(kind)
    with tempfile.TemporaryDirectory() as warm:
        judge(generate(Random("warm"), Path(warm)))  # imports are not part of the first case's time
    for number in range(first, count):
        with tempfile.TemporaryDirectory() as folder:
            case = generate(Random(f"{kind} {seed} {number}"), Path(folder))
            print(json.dumps({"begins": number, "name": case.name}), file=answers, flush=True)
            verdict = judge(case)
            print(json.dumps({"outcome": verdict.outcome, "detail": verdict.detail[:400]}), file=answers, flush=True)


def lines(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any] | None]:
    """Yield the child's answers; ``None`` where one does not come in time."""
    assert process.stdout is not None
    patience, rest = START_SECONDS, b""
    while True:
        until = time.monotonic() + patience
        while b"\n" not in rest:
            ready, _, _ = select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                yield None
                return
            part = os.read(process.stdout.fileno(), 1 << 16)
            if not part:
                return
            rest += part
        line, _, rest = rest.partition(b"\n")
        yield json.loads(line)
        patience = SECONDS


def verdicts(kind: str, seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Yield the outcome of every case; a child that hangs or dies is replaced by one that goes on after that case."""
    number, name = -1, "start"
    while number + 1 < count:
        command = [sys.executable, __file__, "--child", kind, str(seed), str(number + 1), str(count)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        ) as process:
            is_open, before = False, number
            for line in lines(process):
                if line is None:
                    break
                if "begins" in line:
                    is_open, number, name = True, line["begins"], line["name"]
                else:
                    is_open = False
                    yield {"kind": kind, "number": number, "name": name, **line}
            hangs = process.poll() is None and number + 1 < count
            process.kill()
        if is_open or number == before:
            number = max(number, before + 1)
            yield {"kind": kind, "number": number, "name": name, "outcome": "hang" if hangs else "crash", "detail": ""}


def measure(kind: str, seed: int, count: int) -> dict[str, Any]:
    """Return all cases of a kind; faults are shown as they are found."""
    began, outcomes, names = time.monotonic(), Counter[str](), set()
    for each in verdicts(kind, seed, count):
        outcomes[each["outcome"]] += 1
        names.add(each["name"])
        if each["outcome"] in FAULTS:
            print(json.dumps(each), file=sys.stderr, flush=True)
        if sum(outcomes.values()) % 100 == 0:
            print(f"{kind}: {sum(outcomes.values())} of {count}", file=sys.stderr, flush=True)
    seconds = round(time.monotonic() - began, 1)
    return {"cases": sum(outcomes.values()), **dict(outcomes), "distinct_names": len(names), "seconds": seconds}


def main() -> None:
    """Judge every kind and add up."""
    if sys.argv[1:2] == ["--child"]:
        kind, *numbers = sys.argv[2:]
        child(kind, *map(int, numbers))
        return
    given = options(__doc__, kinds=",".join(KINDS), count=(500, "cases of each kind"), seed=1, jobs=2)
    kinds = given.kinds.split(",")
    with ThreadPoolExecutor(given.jobs) as pool:
        found = dict(zip(kinds, pool.map(lambda kind: measure(kind, given.seed, given.count), kinds), strict=True))
    faults = sum(each.get(fault, 0) for each in found.values() for fault in FAULTS)
    print(json.dumps({"seed": given.seed, **found, "faults": faults}))
    sys.exit(faults > 0)


if __name__ == "__main__":
    main()
