"""The service under full load: errors, speed and memory; then requests that are broken.

    python benchmarks/serving.py runs/quickstart/models/teacher-seed-1 --seconds 600
    python benchmarks/serving.py runs/quickstart/models/teacher-seed-1 --seconds 5 --malformed 50

Starts 'finkd serve' and asks it from several connections without a pause, several texts at a time. Prints one JSON
line: answers by status, texts and words per second, the percentiles of an answer, the service's memory now and then and
by how much a straight line through the second half of it rises in an hour, and what became of the broken requests: by
the status of the answer, "closed" or "reset" where there was none; an answer of 500 or more is an error of the program.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

import corpora
from experiments.service.app import Limits

LOOK_SECONDS = 5.0
HANGS_UP_SECONDS = 0.3
HOST = "127.0.0.1"


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


def changed(drawn: random.Random, body: bytes) -> bytes:
    """A body in which some bytes are others."""
    found = bytearray(body)
    for _ in range(drawn.randint(1, 8)):
        place = drawn.randrange(len(found))
        found[place : place + drawn.randint(0, 4)] = drawn.randbytes(drawn.randint(0, 4))
    return bytes(found)


def request(
    body: bytes, method: str = "POST", kind: str = "application/json", length: int | None = None, host: str = HOST
) -> bytes:
    """A request as it goes over a connection; ``length`` is what its head says of the body."""
    lines = (f"{method} /tag HTTP/1.1", f"Host: {host}", "Connection: close", f"Content-Type: {kind}")
    return "\r\n".join((*lines, f"Content-Length: {len(body) if length is None else length}", "", "")).encode() + body


def broken(drawn: random.Random, kind: str, whole: bytes) -> bytes:
    """What is sent instead of a request."""
    if kind == "changed bytes":
        return request(changed(drawn, whole))
    if kind == "cut-off body":
        return request(whole[: drawn.randrange(len(whole))], length=len(whole))
    if kind == "content type":
        return request(whole, kind=drawn.choice(["text/plain", "application/xml", "multipart/form-data", "", "\xe9"]))
    if kind == "body too large":
        return request(b"[" * (Limits().bytes + drawn.randint(1, 100_000)))
    if kind == "method":
        return request(whole, method=drawn.choice(["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "BREW"]))
    if kind == "too many texts":
        return request(json.dumps({"texts": ["Acme"] * drawn.randint(Limits().texts + 1, 2000)}).encode())
    if kind == "too many characters":
        return request(json.dumps({"texts": ["a" * drawn.randint(Limits().characters + 1, 300_000)]}).encode())
    if kind == "host":
        return request(whole, host=drawn.choice(["elsewhere.example", "", "127.0.0.1.example"]))
    if kind == "changed head":
        head, _, body = request(whole).partition(b"\r\n\r\n")
        return changed(drawn, head) + b"\r\n\r\n" + body
    return drawn.randbytes(drawn.randint(1, 3000)) + drawn.choice([b"", b"\r\n\r\n"])


BROKEN = (
    *("changed bytes", "cut-off body", "content type", "body too large", "method", "too many texts"),
    *("too many characters", "host", "changed head", "garbage"),
)


UNFINISHED = ("cut-off body", "changed head", "garbage")
"""In which the service may have to wait for more."""


def answer(address: httpx.URL, sent: bytes, patience: float) -> str:
    """The status of what is answered, or how the connection ended; the sender hangs up when its patience is over."""
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


def malformed(address: str, count: int) -> dict[str, object]:
    """What becomes of requests that are broken in every way in turn."""
    drawn = random.Random(0)
    whole = json.dumps({"texts": texts()[:2]}).encode()
    seen: dict[str, Counter[str]] = {kind: Counter() for kind in BROKEN}
    for number in range(count):
        kind = BROKEN[number % len(BROKEN)]
        patience = HANGS_UP_SECONDS if kind in UNFINISHED else 60
        seen[kind][answer(httpx.URL(address), broken(drawn, kind, whole), patience)] += 1
    together = sum(seen.values(), Counter[str]())
    assert not [status for status in together if status.startswith("5")], together
    assert httpx.get(f"{address}health", timeout=60).status_code == 200
    return {"answers": dict(together), **{kind: dict(found) for kind, found in seen.items()}}


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
        threading.Thread(target=process.stderr.read, daemon=True).start()  # or its warnings would fill the pipe
        try:
            service = psutil.Process(process.pid)
            found = asyncio.run(load(address, service, given.seconds, given.connections, given.texts))
            refused = malformed(address, given.malformed)
        finally:
            process.terminate()
    machine = {"machine": platform.machine(), "cores": os.cpu_count()}
    print(json.dumps({"model": given.model, **found, "malformed": refused, **machine}))


if __name__ == "__main__":
    main()
