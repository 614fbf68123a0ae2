"""Test the service under full load: right answers, speed, memory, health and shutdown.

    python benchmarks/serving.py runs/quickstart/models/teacher-seed-1 --seconds 600
    python benchmarks/serving.py runs/quickstart/models/teacher-seed-1 --slow-readers 24 --connections 32 \
        --seconds 60 --malformed 200

Starts 'finkd serve' on this machine's loopback and asks it all at once: connections that ask without a pause, several
texts at a time; readers that ask for long answers and take one byte a second; broken requests; and a process that asks
for /health. Prints one JSON line: answers by status, texts and words per second, percentiles of an answer and of
/health, the memory of the service's processes now and then, and what became of the broken requests: by the status of
the answer, "closed" or "reset" where there was none. At the end SIGTERM is sent while the slow readers are connected.

Exits 1 if an answer is not what the tagger itself gives for the texts, an odd request gets a status of 500 or more, the
memory grows beyond what the limits allow, a percentile of /health is too high, or the end takes longer than its limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import http.client
import itertools
import json
import os
import platform
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.service import HOST, request, served, texts
from benchmarks.shared import options
from finkd.experiments.service.limits import Limits
from finkd.export.loading import load_tagger
from finkd.inference.tagging import predict

LOOK_SECONDS = 1.0
HANGS_UP_SECONDS = 0.3
HEALTH_MS = 100.0
ENDS_SECONDS = 2.0
"""On top of the configured limit: to close the sockets and end two processes."""
REQUESTS = 24
LIMITS = Limits()


@dataclass(frozen=True)
class Question:
    """A request and its right answer."""

    texts: list[str]
    results: list[list[dict[str, Any]]]


def questions(model: str, batch: int, long: int) -> tuple[list[Question], bytes]:
    """Requests with what the tagger itself answers, and one long request with the most entities for its characters."""
    tagger = load_tagger(model, precision="auto")
    drawn, known = random.Random(0), texts()
    found = []
    for _ in range(REQUESTS):
        chosen = drawn.choices(known, k=batch)
        results = [[dataclasses.asdict(mention) for mention in each.mentions] for each in predict(chosen, tagger)]
        found.append(Question(chosen, results))
    densest = max(predict(known, tagger), key=lambda each: len(each.mentions) / len(each.text)).text + " "
    return found, json.dumps({"texts": [densest * (long // len(densest))]}).encode()


@dataclass
class Seen:
    """Counts of the requests so far."""

    answers: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    words: int = 0
    times: list[float] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)
    slow: Counter[str] = field(default_factory=Counter)
    malformed: dict[str, Counter[str]] = field(default_factory=dict)


async def asks(client: httpx.AsyncClient, known: list[Question], stop: float, seed: int, seen: Seen) -> None:
    """Ask without a pause until the time is over; who is told to come back later does."""
    drawn = random.Random(seed)
    while time.monotonic() < stop:
        question = drawn.choice(known)
        began = time.monotonic()
        try:
            answer = await client.post("/tag", json={"texts": question.texts})
        except httpx.HTTPError as error:
            seen.answers[type(error).__name__] += 1
            continue
        seen.answers[str(answer.status_code)] += 1
        if answer.status_code == 200:
            seen.times.append(time.monotonic() - began)
            seen.wrong += answer.json()["results"] != question.results
            seen.words += sum(len(text.split()) for text in question.texts)
        else:
            await asyncio.sleep(float(answer.headers.get("retry-after", 0)))


async def ask_all(address: str, known: list[Question], stop: float, connections: int, seen: Seen) -> None:
    """Ask from several connections at once."""
    limits = httpx.Limits(max_connections=connections)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:
        await asyncio.gather(*(asks(client, known, stop, seed, seen) for seed in range(connections)))


def read_slowly(address: httpx.URL, sent: bytes, over: threading.Event, seen: Seen) -> None:
    """Ask for a long answer and take a byte a second of it, again and again until all is over."""
    while not over.is_set():
        taken = 0
        try:
            with socket.socket() as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.settimeout(60)
                connection.connect((address.host, address.port))
                connection.sendall(request(sent, closes=False))
                ended = select.poll()
                ended.register(connection, 0)  # a reset shows here at once, and in recv() after what lies in the buffer
                while connection.recv(1):
                    taken += 1
                    if over.is_set():
                        return
                    if ended.poll(1000):
                        raise ConnectionResetError
            seen.slow["closed"] += 1
        except ConnectionRefusedError:  # the service has ended
            return
        except OSError:
            seen.slow["cut off in its answer" if taken else "refused or cut off before it"] += 1


def memory_of(process: psutil.Process) -> int:
    """Return bytes of a process and of those that it started."""
    held = 0
    for each in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            held += each.memory_info().rss
    return held


def look(process: psutil.Process, over: threading.Event, seen: Seen) -> None:
    """Look at the service's memory now and then."""
    began = time.monotonic()
    while not over.wait(LOOK_SECONDS):
        with contextlib.suppress(psutil.NoSuchProcess):
            seen.memory.append((time.monotonic() - began, memory_of(process)))


def probe(port: int, seconds: float) -> None:
    """Ask for /health over and over, each time over a new connection, and print how long it took."""
    stop, times = time.monotonic() + seconds, []
    while time.monotonic() < stop:
        began = time.monotonic()
        connection = http.client.HTTPConnection(HOST, port, timeout=60)
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200
        connection.close()
        times.append((time.monotonic() - began) * 1000)
        time.sleep(0.02)
    shares = {f"p{share}": float(np.percentile(times, share)) for share in (50, 90, 99, 100)}
    print(json.dumps({"times": len(times), **shares}))


def changed(drawn: random.Random, body: bytes) -> bytes:
    """Return a body in which some bytes are others."""
    found = bytearray(body)
    for _ in range(drawn.randint(1, 8)):
        place = drawn.randrange(len(found))
        found[place : place + drawn.randint(0, 4)] = drawn.randbytes(drawn.randint(0, 4))
    return bytes(found)


def changed_head(drawn: random.Random, whole: bytes) -> bytes:
    """Return a request in whose head some bytes are others."""
    head, _, body = request(whole).partition(b"\r\n\r\n")
    return changed(drawn, head) + b"\r\n\r\n" + body


BROKEN: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "changed bytes": lambda drawn, whole: request(changed(drawn, whole)),
    "cut-off body": lambda drawn, whole: request(whole[: drawn.randrange(len(whole))], length=len(whole)),
    "body too large": lambda drawn, whole: request(b"[" * (LIMITS.bytes + drawn.randint(1, 100_000))),
    "changed head": changed_head,
    "garbage": lambda drawn, whole: drawn.randbytes(drawn.randint(1, 3000)) + drawn.choice([b"", b"\r\n\r\n"]),
}
"""What is sent instead of a request, by its kind; drawn from a whole body. ``tests/hostile`` has the other kinds."""
UNFINISHED = ("cut-off body", "changed head", "garbage")
"""In which the service may have to wait for more."""


def answer(address: httpx.URL, sent: bytes, patience: float) -> str:
    """Return the status of the answer, or how the connection ended; the sender hangs up after its timeout."""
    with socket.create_connection((address.host, address.port), timeout=60) as connection:
        with contextlib.suppress(ConnectionError):  # it was answered, or closed, before all was sent
            connection.sendall(sent)
        try:
            connection.settimeout(patience)
            try:
                first = connection.recv(1000)
            except TimeoutError:
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(60)
                first = connection.recv(1000)
        except ConnectionError:
            return "reset"
    return first.split(maxsplit=2)[1].decode() if first.startswith(b"HTTP/") else "closed"


def ask_badly(address: httpx.URL, count: int, over: threading.Event, seconds: float, seen: Seen) -> None:
    """Send requests that are broken in every way in turn, spread over the time."""
    drawn = random.Random(0)
    whole = json.dumps({"texts": texts()[:2]}).encode()
    seen.malformed = {kind: Counter() for kind in BROKEN}
    for kind, broken in itertools.islice(itertools.cycle(BROKEN.items()), count):
        patience = HANGS_UP_SECONDS if kind in UNFINISHED else 60
        seen.malformed[kind][answer(address, broken(drawn, whole), patience)] += 1
        over.wait(seconds / count / 2)


def warm_up(address: httpx.URL, known: list[Question]) -> None:
    """Send one of the largest requests of each of the two lengths, so that their memory is part of the baseline."""
    for share in (1, 20):
        text = " ".join(text for question in known for text in question.texts) + " "
        most = LIMITS.characters // share
        httpx.post(f"{address}tag", json={"texts": [(text * (most // len(text) + 1))[:most]]}, timeout=120)


def measure(given: Any) -> dict[str, Any]:
    """Everything that is measured, with ``faults``."""
    known, long = questions(given.model, given.texts, given.slow_characters)
    seen, over = Seen(), threading.Event()
    with served(given.model) as (process, address):
        service = psutil.Process(process.pid)
        warm_up(address, known)
        baseline = memory_of(service)
        command = [sys.executable, __file__, given.model, "--probe", str(address.port), "--seconds", str(given.seconds)]
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as prober,
            ThreadPoolExecutor(given.slow_readers + 2) as beside,
        ):
            beside.submit(look, service, over, seen)
            for _ in range(given.slow_readers):
                beside.submit(read_slowly, address, long, over, seen)
            badly = beside.submit(ask_badly, address, given.malformed, over, given.seconds, seen)
            stop = time.monotonic() + given.seconds
            asyncio.run(ask_all(str(address), known, stop, given.connections, seen))
            health = json.loads(prober.communicate()[0])
            badly.result()
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            ended = time.monotonic() - began
            over.set()
    return report(given, seen, baseline, health, ended)


def report(given: Any, seen: Seen, baseline: int, health: dict[str, float], ended: float) -> dict[str, Any]:
    """Summarize what was seen, and what of it is wrong."""
    held = np.array([each for each in seen.memory if each[0] > 0])
    second_half = held[len(held) // 2 :]
    rise = np.polyfit(second_half[:, 0], second_half[:, 1], 1)[0] * 3600 if len(second_half) > 1 else 0.0
    together = sum(seen.malformed.values(), Counter[str]())
    bound, largest = baseline + LIMITS.peak, max(each for _, each in seen.memory)
    sizes = {"baseline": baseline, "bytes_in_flight": LIMITS.held, "bound": bound, "largest": largest}
    limit = LIMITS.shutdown_seconds + ENDS_SECONDS
    faults = {
        "answers that are wrong": seen.wrong,
        "no answer was right": int(not seen.answers["200"]),
        "connections without an answer": sum(n for status, n in seen.answers.items() if not status.isdigit()),
        "defects": sum(n for status, n in (seen.answers + together).items() if status == "500"),
        "broken requests with a status of 5xx": sum(n for status, n in together.items() if status.startswith("5")),
        "memory beyond its bound": int(largest > bound),
        "health too slow": int(health["p99"] > HEALTH_MS),
        "end too slow": int(ended > limit),
    }
    return {
        "answers": dict(seen.answers),
        "texts_per_second": given.texts * seen.answers["200"] / given.seconds,
        "words_per_second": seen.words / given.seconds,
        "answer_ms": {f"p{share}": float(np.percentile(seen.times or [0], share) * 1000) for share in (50, 90, 99)},
        "health_ms": health,
        "slow_readers": dict(seen.slow),
        "malformed": {"answers": dict(together), **{kind: dict(found) for kind, found in seen.malformed.items()}},
        **{f"{name}_mb": round(size / 1e6, 1) for name, size in sizes.items()},
        "memory_mb": [round(each / 1e6, 1) for _, each in seen.memory[:: max(1, len(seen.memory) // 12)]],
        "memory_rise_mb_per_hour": float(rise / 1e6),
        "ended_after_seconds": round(ended, 2),
        "ends_within_seconds": limit,
        "faults": {name: count for name, count in faults.items() if count},
    }


def main() -> None:
    """Start the service, ask it in every way, end it."""
    given = options(
        __doc__,
        "model",
        seconds=600.0,
        connections=8,
        texts=(8, "of a request"),
        slow_readers=0,
        slow_characters=(199_000, "of a slow reader's request"),
        malformed=500,
        hidden={"probe": int},
    )
    if given.probe:
        probe(given.probe, given.seconds)
        return
    found = measure(given)
    machine = {"machine": platform.machine(), "cores": os.cpu_count()}
    print(json.dumps({"model": given.model, **found, **machine}))
    sys.exit(bool(found["faults"]))


if __name__ == "__main__":
    main()
