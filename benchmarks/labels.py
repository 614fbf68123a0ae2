"""Measure decoding and scoring against the number of labels: time and memory of 10,000 sentences.

    python benchmarks/labels.py
    python benchmarks/labels.py --sentences 500 --labels 7,281

A tagger that draws its logits, so that no network takes part, tags sentences of 25 words: the best IOB2 sequence of
each (``finkd.inference.viterbi``) and the probability of each entity (``finkd.inference.marginals``). FiNER-139 has 279
labels, the XBRL taxonomies that it is taken from thousands. Each number of labels is a fresh process. Prints one JSON
line: seconds, those of drawing the logits left out, entities, and the peak memory of the process and of one that tags
nothing.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.shared import fresh, options, peak_mib
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import label_names
from finkd.inference.tagger import Logits, predict_with_scores

WORDS = 25
_SPREAD = 3.0
"""Standard deviation of a logit. O gets ``_LIKELY`` more, so that most words are no entity."""
_LIKELY = 12.0


@dataclass
class Drawn:
    """Tagger whose logits are drawn."""

    labels: tuple[str, ...]
    seconds: float = 0.0

    def sentence_logits(self, sentences: Sequence[Sentence], precision: str) -> list[Logits]:
        """Draw (words, labels) logits of each sentence."""
        began = time.perf_counter()
        draw = np.random.default_rng(len(sentences))
        found = draw.standard_normal((len(sentences), WORDS, len(self.labels)), np.float32) * np.float32(_SPREAD)
        found[:, :, 0] += _LIKELY
        self.seconds += time.perf_counter() - began
        return list(found)


def measure(labels: int, sentences: int) -> dict[str, Any]:
    """Tag sentences with a number of labels."""
    tagger = Drawn(label_names(str(number) for number in range((labels - 1) // 2)))
    text = [Sentence.from_words(["word"] * WORDS)] * sentences
    predict_with_scores(text[:1], tagger)
    empty, tagger.seconds, began = peak_mib(), 0.0, time.perf_counter()
    _, scores, _ = predict_with_scores(text, tagger)
    seconds = time.perf_counter() - began - tagger.seconds
    return {
        "labels": len(tagger.labels),
        "seconds": round(seconds, 2),
        "entities": sum(map(len, scores)),
        "peak_mib": peak_mib(),
        "empty_mib": empty,
    }


def main() -> None:
    """Measure every number of labels in a process of its own."""
    given = options(__doc__, sentences=10_000, labels=("7,281,2801", "numbers of them"), hidden={"one": int})
    if given.one:
        print(json.dumps(measure(given.one, given.sentences)))
        return
    counts = given.labels.split(",")
    runs = [fresh(__file__, "--one", each, "--sentences", given.sentences, OMP_NUM_THREADS="1") for each in counts]
    print(json.dumps({"sentences": given.sentences, "words": WORDS * given.sentences, "runs": runs}))


if __name__ == "__main__":
    main()
