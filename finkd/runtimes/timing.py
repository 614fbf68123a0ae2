"""Time, by taking turns: whatever else a machine does hits all taggers alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finkd.corpora.sentence import Sentence
from finkd.data.encoding import WINDOW, windows_and_tokens
from finkd.inference.tagger import Reads, Tagger
from finkd.runtimes.energy import Meter
from finkd.runtimes.record import Ratio

Times = npt.NDArray[np.float64]

WARM_UPS = 20
BATCH = 32
TURN = 16
"""Queries of one tagger before the next one's turn: it finds its weights where it left them, as it would alone."""
_DRAWS = 2000
_PERCENTILES = (10, 25, 50, 75, 90, 99)


@dataclass(frozen=True)
class Batches:
    """What reading the same batches took, of which each tagger read as many as it had time for.

    Attributes:
        seconds: by name, (batches,).
        words: of each batch.
        joules: by name, of all its batches; ``None`` where they could not be read.
    """

    seconds: Mapping[str, Times]
    words: npt.NDArray[np.int64]
    joules: Mapping[str, float | None]

    def words_per_second(self, name: str) -> float:
        """Speed of a tagger."""
        return float(self._read(name) / self.seconds[name].sum())

    def joules_per_1000_words(self, name: str) -> float | None:
        """What it burns."""
        joules = self.joules[name]
        return None if joules is None else float(1000 * joules / self._read(name))

    def _read(self, name: str) -> int:
        return int(self.words[: len(self.seconds[name])].sum())


def latencies(
    readers: Mapping[str, Reads],
    sentences: Sequence[Sentence],
    queries: int,
    seconds: float,
    listen: Callable[[int], None] = lambda done: None,
) -> dict[str, Times]:
    """Seconds of whole queries at batch 1, from text to tags.

    Args:
        readers: by name; they take turns of ``TURN`` queries, and another one begins each round.
        sentences: real ones; taken one after the other.
        queries: of each tagger, at least, after ``WARM_UPS``.
        seconds: that each tagger works, at least; it then takes no more turns.
        listen: called after each round with the queries that those who still take turns have done.

    Returns:
        by name, (queries,).
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
    """(sentences,) seconds to cut each into tokens."""
    limit = min(WINDOW, tagger.max_length)
    found = []
    for sentence in sentences:
        began = time.perf_counter()
        windows_and_tokens([sentence], tagger.tokenizer, limit)
        found.append(time.perf_counter() - began)
    return np.array(found)


def batches(readers: Mapping[str, Reads], sentences: Sequence[Sentence], seconds: float, meter: Meter) -> Batches:
    """Seconds of batches, in turn.

    Args:
        readers: by name.
        sentences: taken ``BATCH`` at a time, over and over.
        seconds: that each tagger works, at least; it then takes no more turns.
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
    """The reference's time over ours in the rounds of both, with an interval from drawing rounds again.

    Args:
        reference: its times, a round each.
        ours: likewise, from the same round on.
        of: (draws, rounds) -> (draws,) one time of each draw, such as the median.
        seed: of the draws.
    """
    rounds = min(len(reference), len(ours))
    reference, ours = reference[:rounds], ours[:rounds]
    random = np.random.Generator(np.random.PCG64(seed))
    drawn = random.integers(0, rounds, (_DRAWS, rounds))
    found = of(reference[drawn]) / of(ours[drawn])
    low, high = np.percentile(found, [2.5, 97.5])
    return Ratio(float((of(reference[None]) / of(ours[None]))[0]), float(low), float(high))


def percentiles(seconds: Times) -> dict[str, float]:
    """Milliseconds by name, from ``"p10"`` to ``"p99"``."""
    return {f"p{share}": float(np.percentile(seconds, share) * 1000) for share in _PERCENTILES}
