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

import argparse
import itertools
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from finkd.corpora.readers.lines import numbered_lines
from finkd.models import pretrained
from finkd.tokenization.analysis import Candidate, Encoder, Text, measure
from finkd.tokenization.analysis.batch import batches
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.vocabulary import train
from tests.toys import TEXTS

MEGABYTE = 10**6
TRAINING = 20_000
MINILM = Encoder(parameters=22_713_216, width=384, layers=6, heads=12, intermediate=1536, positions=512)


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


def default_file() -> Path | None:
    """Return credit agreements from ``FINKD_DATA``, if they are there."""
    path = Path(os.environ.get("FINKD_DATA", "")) / "text" / "financial" / "sec_credit_agreements.txt.gz"
    return path if path.is_file() else None


def candidates(folder: Path) -> list[Candidate]:
    """Load the teacher's tokenizer and the vocabulary that was trained before."""
    return [
        Candidate(Tokenizer.load(pretrained.resolve(pretrained.DEFAULT)), "reference"),
        Candidate(Tokenizer.load(folder)),
    ]


def analyse(file: Path | None, characters: int, compared: list[Candidate]) -> None:
    """Run the whole analysis, reading included."""
    text = Text("benchmark", "all lines", lines(file, characters))
    measure([text], compared, width=MINILM.width, encoder=MINILM)


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


def peak_megabytes(file: Path | None, characters: int, folder: Path) -> float:
    """Peak memory of a fresh process that analyses this much text."""
    arguments = [sys.executable, __file__, "--peak", str(characters), "--vocabulary", str(folder)]
    shown = subprocess.run(
        arguments + (["--file", str(file)] if file else []), check=True, capture_output=True, text=True
    )
    return float(shown.stdout)


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=10, help="text to time, in millions of characters")
    parser.add_argument("--large", type=float, default=100, help="text to measure memory on as well")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each measurement; the best one counts")
    parser.add_argument("--file", type=Path, default=default_file(), help="text, a passage per line, .gz if you like")
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--vocabulary", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        analyse(options.file, options.peak, candidates(options.vocabulary))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    with tempfile.TemporaryDirectory() as folder:
        learned = train(itertools.islice(lines(options.file, 20 * MEGABYTE), TRAINING), "wordpiece", 8000)
        learned.save(Path(folder) / "vocabulary")
        print(json.dumps(figures(options, Path(folder) / "vocabulary")))


def figures(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Return all figures."""
    characters, compared = int(options.megabytes * MEGABYTE), candidates(folder)
    analyse(options.file, MEGABYTE // 10, compared)  # tables that are made once are not timed
    cutting, analysing = [], []
    for _ in range(options.repeats):
        cutting.append(seconds(lambda: tokenize(options.file, characters, compared)))
        analysing.append(seconds(lambda: analyse(options.file, characters, compared)))
    sizes = (options.megabytes, options.large)
    cut, analysed = (tuple(map(min, zip(*runs, strict=True))) for runs in (cutting, analysing))
    return {
        "ratio_to_tokenizing": round(analysed[0] / cut[0], 3),
        "processor_ratio_to_tokenizing": round(analysed[1] / cut[1], 3),
        "analysis_seconds": round(analysed[0], 2),
        "tokenizing_seconds": round(cut[0], 2),
        "peak_mib": {
            f"{size:g} MB": round(peak_megabytes(options.file, int(size * MEGABYTE), folder)) for size in sizes
        },
        "characters": characters,
        "tokenizers": [len(candidate.tokenizer) for candidate in compared],
        "threads_of_tokenizers": 1,
        "source": options.file.name if options.file else "toy sentences",
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "tokenizers": version("tokenizers")},
    }


if __name__ == "__main__":
    main()
