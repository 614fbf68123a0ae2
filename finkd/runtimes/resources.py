"""Resources of a model: size on disk, latency of one sentence, words per second."""

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
from finkd.inference.tagger import TagFunction, predict_tags
from finkd.models.lookup import model_files
from finkd.models.model import Model
from finkd.records import Resources
from finkd.runtimes.timing import Meter, batches, latencies, percentiles

_BUSY = 0.3
_TICKS = 0.1
"""Seconds by which the clocks of the machine and of the process may differ."""


def measure(
    systems: Mapping[str, tuple[Model, Path]], sentences: Sequence[Sentence], queries: int = 256
) -> dict[str, Resources]:
    """Measure several models in turns, so that other work on the machine affects all of them alike.

    Latency is that of a query from text to tags, at batch 1 on one thread; throughput that of batches on all threads.

    Args:
        systems: name -> (model, its folder).
        sentences: real sentences; read in turn.
        queries: timed queries per system, at least, and sentences in batches; 0 omits both speeds.
    """
    other = OtherWork()
    readers: dict[str, TagFunction] = {name: partial(predict_tags, model=model) for name, (model, _) in systems.items()}
    latency, speed = {}, {}
    if queries > 0 and readers:
        with threads(1):
            times = latencies(readers, sentences, queries, 0)
        found = batches(readers, [sentences[number % len(sentences)] for number in range(queries)], 0, Meter())
        latency = {name: percentiles(seconds) for name, seconds in times.items()}
        speed = {name: found.words_per_second(name) for name in readers}
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


def folder_bytes(folder: Path) -> int:
    """Return the bytes of a saved model: weights, configuration and tokenizer."""
    return sum(file.stat().st_size for file in model_files(folder))


class OtherWork:
    """Detector of work on the machine other than that of this process and its finished children."""

    def __init__(self) -> None:
        self._before = self._seconds()

    @property
    def is_seen(self) -> bool:
        """Whether other work took more than 0.3 of a core since this object was made."""
        passed, machine, own = (now - then for now, then in zip(self._seconds(), self._before, strict=True))
        return machine - own > _BUSY * passed + _TICKS

    @staticmethod
    def _seconds() -> tuple[float, float, float]:
        """Return the time, and the processor time of all processes and of this one."""
        machine, own = psutil.cpu_times(), os.times()
        busy = sum(getattr(machine, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq"))
        return time.monotonic(), busy, sum(own[:4])


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Limit PyTorch to a number of threads, and tokenizers to one."""
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
