"""Measure what 'finkd serve --dynamic-batching' gains, by the number of connections that ask at once.

    python benchmarks/dynamic_batching.py runs/quickstart/models/teacher-seed-1-onnx-int8

Starts the service without and with it, in turns. Every connection asks for one sentence of the sample corpus after
another, without a pause. Prints one JSON line: by connections, requests per second and the median time of an answer in
milliseconds, without and with dynamic batching (medians of the turns), and the ratio of the rates. Then what it costs:
of the entities that are found in each sentence alone or in batches of eight, how many are found in only one of both.
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

from benchmarks.service import request, served, texts
from benchmarks.shared import options
from finkd.export.loading import load_tagger
from finkd.inference.tagging import predict

CONNECTIONS = (1, 4, 16, 64)
MODES = {"one by one": (), "dynamic batching": ("--dynamic-batching",)}
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


async def ask_at_once(address: httpx.URL, connections: int, seconds: float) -> tuple[float, float]:
    """Return answers per second to several connections, and the median milliseconds of an answer."""
    times: list[float] = []
    sentences = texts()
    began = time.monotonic()
    await asyncio.gather(*(ask(address, seconds, sentences[number:], times) for number in range(connections)))
    return len(times) / (time.monotonic() - began), statistics.median(times) * 1000


def measure(model: str, mode: str, seconds: float) -> dict[int, tuple[float, float]]:
    """Return answers per second and median milliseconds by connections."""
    with served(model, *MODES[mode]) as (_, address):
        asyncio.run(ask_at_once(address, 1, WARM_UP_SECONDS))
        return {number: asyncio.run(ask_at_once(address, number, seconds)) for number in CONNECTIONS}


def found_in_only_one(model: str) -> tuple[int, int]:
    """Return the number of entities that are found only alone or only in batches of eight, and that of all."""
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
    """Measure both modes in turns."""
    given = options(__doc__, "model", seconds=(5.0, "of each measurement"), repeats=3)
    turns: dict[str, list[dict[int, tuple[float, float]]]] = {mode: [] for mode in MODES}
    for mode in list(MODES) * given.repeats:
        turns[mode].append(measure(given.model, mode, given.seconds))
    found: dict[int, dict[str, Any]] = {}
    for connections in CONNECTIONS:
        medians = {
            mode: [statistics.median(each) for each in zip(*(turn[connections] for turn in turns[mode]), strict=True)]
            for mode in MODES
        }
        rows = {mode: {"per_second": rate, "median_ms": middle} for mode, (rate, middle) in medians.items()}
        found[connections] = {**rows, "ratio": medians["dynamic batching"][0] / medians["one by one"][0]}
    print(json.dumps({"model": given.model, "connections": found, "found_in_only_one": found_in_only_one(given.model)}))


if __name__ == "__main__":
    main()
