"""First figures of what a model takes: size on disk, latency of one sentence, words per second."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import psutil
import torch

from finkd.corpora.sentence import Sentence
from finkd.inference.tagger import Reads, Tags, predict
from finkd.models.model import Model
from finkd.records import Resources
from finkd.runtimes.energy import Meter
from finkd.runtimes.timing import batches, latencies, percentiles

_BUSY = 0.3
_TICKS = 0.1
"""Seconds by which the clocks of a machine and of a process may differ."""


def measure(
    systems: Mapping[str, tuple[Model, Path]], sentences: Sequence[Sentence], queries: int = 256
) -> dict[str, Resources]:
    """Measure several models side by side, so that whatever else the machine does hits all of them alike.

    Latency is of one whole query, from text to tags, at batch 1 on one thread; throughput is of batches on all threads.

    Args:
        systems: name -> (model, the folder that it is saved in).
        sentences: real sentences; taken in turn.
        queries: timed queries per system, at least, and sentences in batches; 0 leaves both speeds out.
    """
    other = OtherWork()
    readers: dict[str, Reads] = {name: partial(_tags, model) for name, (model, _) in systems.items()}
    latency: Mapping[str, Mapping[str, float]] = {}
    speed: Mapping[str, float] = {}
    if queries > 0 and readers:
        latency, speed = _speeds(readers, sentences, queries)
    return {
        name: Resources(
            parameters=sum(parameter.numel() for parameter in model.network.parameters()),
            embedding_parameters=model.embeddings.weight.numel(),
            bytes=folder_bytes(folder),
            latency_ms=latency.get(name, {}),
            words_per_second=speed.get(name),
            machine_busy=bool(speed) and other.is_seen,
        )
        for name, (model, folder) in systems.items()
    }


def _tags(model: Model, sentences: Sequence[Sentence]) -> Tags:
    return predict(sentences, model)[0]


def _speeds(
    readers: Mapping[str, Reads], sentences: Sequence[Sentence], queries: int
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Percentiles of the milliseconds per sentence, and words per second, by name."""
    with threads(1):
        times = latencies(readers, sentences, queries, 0)
    found = batches(readers, [sentences[number % len(sentences)] for number in range(queries)], 0, Meter())
    return {name: percentiles(seconds) for name, seconds in times.items()}, {
        name: found.words_per_second(name) for name in readers
    }


def folder_bytes(folder: Path) -> int:
    """Bytes of a saved model: weights, configuration and tokenizer."""
    return sum(file.stat().st_size for file in folder.iterdir() if file.suffix in (".safetensors", ".json"))


class OtherWork:
    """Watches whether a machine works on anything else than this process and those that it began and awaited."""

    def __init__(self) -> None:
        self._before = self._seconds()

    @property
    def is_seen(self) -> bool:
        """Whether it did, for more than a third of a core, since this was made."""
        passed, machine, own = (now - then for now, then in zip(self._seconds(), self._before, strict=True))
        return machine - own > _BUSY * passed + _TICKS

    @staticmethod
    def _seconds() -> tuple[float, float, float]:
        """The time, and the processor's time of all processes and of this one."""
        machine, own = psutil.cpu_times(), os.times()
        busy = sum(getattr(machine, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq"))
        return time.monotonic(), busy, sum(own[:4])


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Let PyTorch and the tokenizers use so many threads."""
    before = torch.get_num_threads()
    parallel = os.environ.get("TOKENIZERS_PARALLELISM")
    torch.set_num_threads(count)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        yield
    finally:
        torch.set_num_threads(before)
        if parallel is None:
            del os.environ["TOKENIZERS_PARALLELISM"]
        else:
            os.environ["TOKENIZERS_PARALLELISM"] = parallel
