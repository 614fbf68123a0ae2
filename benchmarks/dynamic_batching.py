"""Measure what 'finkd serve --dynamic-batching' gains, by the number of connections that ask at once.

    python benchmarks/dynamic_batching.py runs/quickstart/models/teacher-seed-1-onnx-int8

Starts the service without and with it, in turns. Every connection asks for one sentence of the sample corpus after
another, without a pause. Prints one JSON line: by connections, requests per second and the median time of an answer in
milliseconds, without and with dynamic batching (medians of the turns), and the ratio of the rates. Then what it costs:
of the entities that are found in each sentence alone or in batches of eight, how many are found in one way only.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.serving import request, served, texts
from benchmarks.shared import options
from finkd.export.loading import load_tagger
from finkd.inference.tagging import predict

CONNECTIONS = (1, 4, 16, 64)
WAYS = {"one by one": (), "dynamic batching": ("--dynamic-batching",)}
WARM_UP_SECONDS = 2.0


async def ask(address: httpx.URL, seconds: float, sentences: Sequence[str], times: list[float]) -> None:
    """Ask for one sentence after another over one connection, and note how long each answer took."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    stop, following = time.monotonic() + seconds, itertools.cycle(sentences)
    while (began := time.monotonic()) < stop:
        writer.write(request(json.dumps({"texts": [next(following)]}).encode(), closes=False))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 200"), head
        await reader.readexactly(int(head.partition(b"content-length: ")[2].split()[0]))
        times.append(time.monotonic() - began)
    writer.close()


async def ask_at_once(address: httpx.URL, connections: int, seconds: float) -> list[float]:
    """Return the times of the answers to several connections."""
    times: list[float] = []
    sentences = texts()
    await asyncio.gather(*(ask(address, seconds, sentences[number:], times) for number in range(connections)))
    return times


def measure(model: str, options: tuple[str, ...], seconds: float) -> dict[int, tuple[float, float]]:
    """Return requests per second and median milliseconds by connections."""
    with served(model, *options) as (_, address):
        asyncio.run(ask_at_once(address, 1, WARM_UP_SECONDS))
        found = {}
        for connections in CONNECTIONS:
            times = asyncio.run(ask_at_once(address, connections, seconds))
            found[connections] = (len(times) / seconds, statistics.median(times) * 1000)
        return found


def found_in_one_way(model: str) -> tuple[int, int]:
    """Return the number of entities that only one of both ways finds, and that of all."""
    tagger = load_tagger(model, precision="auto")
    alone, together = (
        {
            (number, mention.start, mention.end, mention.label)
            for number, tagged in enumerate(predict(texts(), tagger, batch))
            for mention in tagged.mentions
        }
        for batch in (1, 8)
    )
    return len(alone ^ together), len(alone | together)


def main() -> None:
    """Measure both ways in turns."""
    given = options(__doc__, "model", seconds=(5.0, "of each measurement"), repeats=3)
    turns: dict[str, list[dict[int, tuple[float, float]]]] = {way: [] for way in WAYS}
    for way in list(WAYS) * given.repeats:
        turns[way].append(measure(given.model, WAYS[way], given.seconds))
    found: dict[int, dict[str, Any]] = {}
    for connections in CONNECTIONS:
        medians = {
            way: [statistics.median(each) for each in zip(*(turn[connections] for turn in turns[way]), strict=True)]
            for way in WAYS
        }
        rows = {way: {"per_second": rate, "median_ms": middle} for way, (rate, middle) in medians.items()}
        found[connections] = {**rows, "ratio": medians["dynamic batching"][0] / medians["one by one"][0]}
    print(json.dumps({"model": given.model, "connections": found, "found_in_one_way": found_in_one_way(given.model)}))


if __name__ == "__main__":
    main()
