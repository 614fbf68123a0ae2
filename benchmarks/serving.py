"""The service under full load: errors, speed and memory; then requests that are broken.

    python benchmarks/serving.py runs/quickstart/models/teacher-seed-1 --seconds 600
    python benchmarks/serving.py runs/quickstart/models/teacher-seed-1 --seconds 5 --malformed 50

Starts 'finkd serve' and asks it from several connections without a pause, several texts at a time. Prints one JSON
line: answers by status, texts and words per second, the percentiles of an answer, the service's memory now and then and
by how much a straight line through the second half of it rises in an hour, and what became of the broken requests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

import corpora

LOOK_SECONDS = 5.0


def texts() -> list[str]:
    """Sentences of the sample corpus."""
    return [sentence.text for sentence in corpora.load("sample").splits["test"]]


async def asks(
    client: httpx.AsyncClient,
    known: list[str],
    stop: float,
    batch: int,
    seed: int,
    seen: Counter[str],
    times: list[float],
) -> int:
    """Ask without a pause until the time is over; returns the words that were answered."""
    drawn, words = random.Random(seed), 0
    while time.monotonic() < stop:
        chosen = drawn.choices(known, k=batch)
        began = time.monotonic()
        try:
            answer = await client.post("/tag", json={"texts": chosen})
        except httpx.HTTPError as error:
            seen[type(error).__name__] += 1
            continue
        times.append(time.monotonic() - began)
        seen[str(answer.status_code)] += 1
        if answer.status_code == 200:
            assert len(answer.json()["results"]) == batch
            words += sum(len(text.split()) for text in chosen)
    return words


async def looks(process: psutil.Process, stop: float, held: list[tuple[float, int]]) -> None:
    """Look at the service's memory now and then."""
    began = time.monotonic()
    while time.monotonic() < stop:
        held.append((time.monotonic() - began, process.memory_info().rss))
        await asyncio.sleep(LOOK_SECONDS)


async def load(
    address: str, process: psutil.Process, seconds: float, connections: int, batch: int
) -> dict[str, object]:
    """Everything that is measured under load."""
    seen: Counter[str] = Counter()
    times: list[float] = []
    held: list[tuple[float, int]] = []
    known = texts()
    stop = time.monotonic() + seconds
    limits = httpx.Limits(max_connections=connections)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:
        asked = [asks(client, known, stop, batch, seed, seen, times) for seed in range(connections)]
        *words, _ = await asyncio.gather(*asked, looks(process, stop, held))
    second_half = np.array(held[len(held) // 2 :])
    rise = np.polyfit(second_half[:, 0], second_half[:, 1], 1)[0] * 3600 if len(second_half) > 1 else 0.0
    return {
        "answers": dict(seen),
        "texts_per_second": batch * seen["200"] / seconds,
        "words_per_second": sum(words) / seconds,
        "answer_ms": {f"p{share}": float(np.percentile(times, share) * 1000) for share in (50, 90, 99)},
        "memory_mb": [round(each / 1e6, 1) for _, each in held[:: max(1, len(held) // 12)]],
        "memory_rise_mb_per_hour": float(rise / 1e6),
    }


def malformed(address: str, count: int) -> dict[str, int]:
    """What becomes of requests in which some bytes are others."""
    drawn = random.Random(0)
    whole = json.dumps({"texts": texts()[:2]}).encode()
    seen: Counter[str] = Counter()
    with httpx.Client(base_url=address, timeout=60) as client:
        for _ in range(count):
            body = bytearray(whole)
            for _ in range(drawn.randint(1, 8)):
                place = drawn.randrange(len(body))
                body[place : place + drawn.randint(0, 4)] = drawn.randbytes(drawn.randint(0, 4))
            kind = drawn.choice(["application/json"] * 8 + ["text/plain", "application/xml"])
            answer = client.post("/tag", content=bytes(body), headers={"content-type": kind})
            seen[str(answer.status_code)] += 1
        assert client.get("/health").status_code == 200
    return dict(seen)


def main() -> None:
    """Start the service, load it, break requests, end it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--texts", type=int, default=8, help="of a request")
    parser.add_argument("--malformed", type=int, default=500)
    given = parser.parse_args()
    code = "from experiments.cli import main; main()"
    command = [sys.executable, "-c", code, "serve", given.model, "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        address = next(line for line in process.stderr if "serving" in line).split(" at ")[1].split()[0]
        try:
            service = psutil.Process(process.pid)
            found = asyncio.run(load(address, service, given.seconds, given.connections, given.texts))
            broken = malformed(address, given.malformed)
        finally:
            process.terminate()
    print(
        json.dumps(
            {"model": given.model, **found, "malformed": broken, "machine": platform.machine(), "cores": os.cpu_count()}
        )
    )


if __name__ == "__main__":
    main()
