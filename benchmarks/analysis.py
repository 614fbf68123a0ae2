"""Measure time and memory of the tokenizer-shift analysis, next to tokenizing the same text.

    python benchmarks/analysis.py
    python benchmarks/analysis.py --megabytes 10 --large 100 --file text.txt.gz
    python benchmarks/analysis.py --megabytes 1 --large 3 --repeats 1

The MiniLM teacher against an 8k WordPiece vocabulary trained on the spot, raw text in lines. Prints one JSON line.
Tokenizing and analysing are timed in turns, in this process, and the ratio is that of the best runs: in elapsed time,
and in processor time of all threads (the analysis tokenizes a batch while it counts the one before). Memory is the peak
of a fresh process for each size, everything imported and both tokenizers loaded.
"""

from __future__ import annotations

import os

os.environ.update(TOKENIZERS_PARALLELISM="false", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before numpy loads

import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.shared import credit_agreements, fresh, options, peak_mib, versions
from finkd.corpora.readers.lines import numbered_lines
from finkd.models import pretrained
from finkd.tokenization.analysis import Candidate, Encoder, Text, measure
from finkd.tokenization.analysis.batch import batches
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.vocabulary import train
from tests.toys import TEXTS

MEGABYTE = 10**6
TRAINING = 20_000
MINILM = Encoder(parameters=22_713_216, width=384, rank=384, layers=6, heads=12, intermediate=1536, positions=512)


def lines(file: Path | None, characters: int) -> Iterator[str]:
    """Yield lines of a file over and over, up to this many characters; without a file, numbered toy sentences."""
    taken = 0
    for number in itertools.count():
        source = (line for _, line in numbered_lines(file)) if file else (f"{text} {number}" for text in TEXTS)
        for line in source:
            if line.strip():
                yield line
                taken += len(line)
                if taken >= characters:
                    return


def candidates(folder: Path) -> list[Candidate]:
    """Load the teacher's tokenizer and the vocabulary that was trained before."""
    return [
        Candidate(Tokenizer.load(pretrained.resolve(pretrained.DEFAULT)), "reference"),
        Candidate(Tokenizer.load(folder)),
    ]


def analyse(file: Path | None, characters: int, compared: list[Candidate]) -> None:
    """Run the whole analysis, reading included."""
    text = Text("benchmark", "all lines", lines(file, characters))
    measure([text], compared, width=MINILM.rank, encoder=MINILM)


def tokenize(file: Path | None, characters: int, compared: list[Candidate]) -> None:
    """Read the text and tokenize it with both tokenizers, in the same batches."""
    for batch in batches(lines(file, characters), {}):
        for candidate in compared:
            candidate.tokenizer.backend.encode_batch(batch.texts)


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Return elapsed time and processor time of one run."""
    start, busy = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - busy


def main() -> None:
    """Measure and print one JSON line."""
    given = options(
        __doc__,
        megabytes=(10.0, "text to time, in millions of characters"),
        large=(100.0, "text to measure memory on as well"),
        repeats=(3, "runs of each measurement; the best one counts"),
        file={"type": Path, "default": credit_agreements(), "help": "text, a passage per line, .gz if you like"},
        hidden={"peak": int, "vocabulary": Path},
    )
    if given.peak:
        analyse(given.file, given.peak, candidates(given.vocabulary))
        print(peak_mib())
        return
    with tempfile.TemporaryDirectory() as folder:
        learned = train(itertools.islice(lines(given.file, 20 * MEGABYTE), TRAINING), "wordpiece", 8000)
        learned.save(Path(folder) / "vocabulary")
        print(json.dumps(figures(given, Path(folder) / "vocabulary")))


def figures(given: Any, folder: Path) -> dict[str, object]:
    """Return all figures."""
    characters, compared = int(given.megabytes * MEGABYTE), candidates(folder)
    analyse(given.file, MEGABYTE // 10, compared)  # tables that are made once are not timed
    cutting, analysing = [], []
    for _ in range(given.repeats):
        cutting.append(seconds(lambda: tokenize(given.file, characters, compared)))
        analysing.append(seconds(lambda: analyse(given.file, characters, compared)))
    sizes = (given.megabytes, given.large)
    reader = (__file__, "--vocabulary", folder, *(("--file", given.file) if given.file else ()))
    cut, analysed = (tuple(map(min, zip(*runs, strict=True))) for runs in (cutting, analysing))
    return {
        "ratio_to_tokenizing": round(analysed[0] / cut[0], 3),
        "processor_ratio_to_tokenizing": round(analysed[1] / cut[1], 3),
        "analysis_seconds": round(analysed[0], 2),
        "tokenizing_seconds": round(cut[0], 2),
        "peak_mib": {f"{size:g} MB": fresh(*reader, "--peak", int(size * MEGABYTE)) for size in sizes},
        "characters": characters,
        "tokenizers": [len(candidate.tokenizer) for candidate in compared],
        "threads_of_tokenizers": 1,
        "source": given.file.name if given.file else "toy sentences",
        "versions": versions(),
    }


if __name__ == "__main__":
    main()
