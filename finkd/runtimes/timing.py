"""Time and energy of taggers, measured in turns, so that other work on the machine affects all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from finkd.corpora.sentence import Sentence
from finkd.data.encoding import WINDOW, windows_and_tokens
from finkd.inference.tagger import TagFunction, Tagger
from finkd.runtimes.record import Ratio

Times = npt.NDArray[np.float64]

WARM_UPS = 20
BATCH = 32
TURN = 16
"""Queries of one tagger in a row, so that its weights are in the cache as if it ran alone."""
_DRAWS = 2000
_AT_ONCE = 4_000_000
"""Numbers that a block of draws may hold."""
_PERCENTILES = (10, 25, 50, 75, 90, 99)
_RAPL = Path("/sys/class/powercap/intel-rapl:0")
WATTS = 5.0
"""Estimated power of a busy core: a server processor's 150 to 250 W over its 32 to 64 cores."""


class Meter:
    """Energy meter: the processor's counter if it can be read, else an estimate from the processor time.

    Args:
        counter: folder of the counter (RAPL).
    """

    def __init__(self, counter: Path = _RAPL) -> None:
        self._energy = counter / "energy_uj"
        self._size = self._number(counter / "max_energy_range_uj")
        self._wraps, self._last = 0, self._number(self._energy)
        self.is_measured = self._last is not None
        self.source = "RAPL, the first processor" if self.is_measured else f"estimate: {WATTS:g} W for each busy core"

    def joules(self) -> float | None:
        """Return the joules since some moment; ``None`` if the counter can no longer be read."""
        if not self.is_measured:
            return time.process_time() * WATTS
        now = self._number(self._energy)
        if now is None:
            return None
        if self._last is not None and now < self._last:
            self._wraps += 1
        self._last = now
        return (self._wraps * (self._size or 0) + now) / 1e6

    @staticmethod
    def _number(path: Path) -> int | None:
        try:
            return int(path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None


@dataclass(frozen=True)
class Batches:
    """Time and energy of taggers on the same batches, of which each tagger tagged as many as it had time for.

    Attributes:
        seconds: by name, (batches,).
        words: of each batch.
        joules: by name, of all its batches; ``None`` if they could not be read.
    """

    seconds: Mapping[str, Times]
    words: npt.NDArray[np.int64]
    joules: Mapping[str, float | None]

    def words_per_second(self, name: str) -> float:
        """Return the speed of a tagger."""
        return float(self._read(name) / self.seconds[name].sum())

    def joules_per_1000_words(self, name: str) -> float | None:
        """Return the energy of a tagger."""
        joules = self.joules[name]
        return None if joules is None else float(1000 * joules / self._read(name))

    def _read(self, name: str) -> int:
        return int(self.words[: len(self.seconds[name])].sum())


def latencies(
    readers: Mapping[str, TagFunction],
    sentences: Sequence[Sentence],
    queries: int,
    seconds: float,
    listen: Callable[[int], None] = lambda done: None,
) -> dict[str, Times]:
    """Time queries from text to tags, at batch 1.

    Args:
        readers: by name; in turns of ``TURN`` queries, and each round starts with another one.
        sentences: real ones; read one after the other.
        queries: of each tagger, at least, after ``WARM_UPS``.
        seconds: least running time of each tagger, after which it takes no more turns.
        listen: called after each round with the queries so far.

    Returns:
        by name, (queries,) seconds.
    """
    times: dict[str, list[float]] = {name: [] for name in readers}
    number = 0
    while names := [name for name, each in times.items() if len(each) < queries or sum(each) < seconds]:
        block = [[sentences[place % len(sentences)]] for place in range(number, number + TURN)]
        first = number // TURN % len(names)
        for name in names[first:] + names[:first]:
            for place, sentence in enumerate(block, number):
                began = time.perf_counter()
                readers[name](sentence)
                if place >= WARM_UPS:
                    times[name].append(time.perf_counter() - began)
        number += TURN
        listen(number)
    return {name: np.array(found) for name, found in times.items()}


def tokenizing(tagger: Tagger, sentences: Sequence[Sentence]) -> Times:
    """Return the (sentences,) seconds to tokenize each sentence."""
    limit = min(WINDOW, tagger.max_length)
    found = []
    for sentence in sentences:
        began = time.perf_counter()
        windows_and_tokens([sentence], tagger.tokenizer, limit)
        found.append(time.perf_counter() - began)
    return np.array(found)


def batches(readers: Mapping[str, TagFunction], sentences: Sequence[Sentence], seconds: float, meter: Meter) -> Batches:
    """Time batches, in turns.

    Args:
        readers: by name.
        sentences: read ``BATCH`` at a time, repeatedly.
        seconds: least running time of each tagger, after which it takes no more turns.
        meter: of energy.
    """
    parts = [list(sentences[start : start + BATCH]) for start in range(0, len(sentences), BATCH)]
    times: dict[str, list[float]] = {name: [] for name in readers}
    joules: dict[str, float | None] = dict.fromkeys(readers, 0.0)
    words: list[int] = []
    for read in readers.values():
        read(parts[0])
    while names := [name for name, each in times.items() if len(each) < len(parts) or sum(each) < seconds]:
        part = parts[len(words) % len(parts)]
        words.append(sum(len(sentence.spans) for sentence in part))
        for name in names:
            before, began = meter.joules(), time.perf_counter()
            readers[name](part)
            times[name].append(time.perf_counter() - began)
            after, so_far = meter.joules(), joules[name]
            known = before is not None and after is not None and so_far is not None
            joules[name] = so_far + after - before if known else None  # type: ignore[operator]
    return Batches({name: np.array(found) for name, found in times.items()}, np.array(words), joules)


def ratio(reference: Times, ours: Times, of: Callable[[Times], Times], seed: int = 0) -> Ratio:
    """Return the reference's time over ours in the rounds of both, with a bootstrap interval over rounds.

    Args:
        reference: (rounds,) its times.
        ours: likewise.
        of: (draws, rounds) -> (draws,) statistic of each draw, such as the median.
        seed: of the draws.
    """
    rounds = min(len(reference), len(ours))
    reference, ours = reference[:rounds], ours[:rounds]
    random = np.random.Generator(np.random.PCG64(seed))
    block = max(1, _AT_ONCE // rounds)
    found = []
    for start in range(0, _DRAWS, block):
        drawn = random.integers(0, rounds, (min(block, _DRAWS - start), rounds))
        found.append(of(reference[drawn]) / of(ours[drawn]))
    low, high = np.percentile(np.concatenate(found), [2.5, 97.5])
    return Ratio(float((of(reference[None]) / of(ours[None]))[0]), float(low), float(high))


def percentiles(seconds: Times) -> dict[str, float]:
    """Return milliseconds by name, from ``"p10"`` to ``"p99"``."""
    return {f"p{share}": float(np.percentile(seconds, share) * 1000) for share in _PERCENTILES}
