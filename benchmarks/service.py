"""A service of its own, and what it is asked, for the benchmarks of 'finkd serve'."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator

import httpx

from benchmarks.shared import FINKD, ROOT
from finkd import corpora

HOST = "127.0.0.1"


def texts() -> list[str]:
    """Return sentences of the sample corpus."""
    return [sentence.text for sentence in corpora.load("sample").splits["test"]]


def request(body: bytes, length: int | None = None, *, closes: bool = True) -> bytes:
    """Return a request as it goes over a connection; ``length`` is what its head says of the body."""
    connection = "close" if closes else "keep-alive"
    lines = ("POST /tag HTTP/1.1", f"Host: {HOST}", f"Connection: {connection}", "Content-Type: application/json")
    return "\r\n".join((*lines, f"Content-Length: {len(body) if length is None else length}", "", "")).encode() + body


@contextlib.contextmanager
def served(model: str, *options: str) -> Iterator[tuple[subprocess.Popen[str], httpx.URL]]:
    """Provide a service of its own, and its address."""
    command, environment = [*FINKD, "serve", model, "--port", "0", *options], os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        try:
            address = next(line for line in process.stderr if "serving" in line).split(" at ")[1].split()[0]
            threading.Thread(target=process.stderr.read, daemon=True).start()  # or its warnings would fill the pipe
            yield process, httpx.URL(address)
        finally:
            process.kill()
