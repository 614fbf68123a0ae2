"""Measure the speed of alignment, next to that of tokenizing and of other implementations.

    python benchmarks/alignment.py
    python benchmarks/alignment.py --texts 500 --repeats 3

One thread, batches of 32, a MiniLM teacher against an 8k WordPiece vocabulary trained on the spot. Prints one JSON
line; the peers run on the same tokens in the same process, and every figure is the best of the repeats.
"""

from __future__ import annotations

import os

os.environ.update(TOKENIZERS_PARALLELISM="false", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before numpy loads

import importlib.util
import itertools
import json
import sys
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.shared import credit_agreements, options, versions
from finkd.corpora.readers.lines import numbered_lines
from finkd.models import pretrained
from finkd.tokenization.alignment import align
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokens import Tokens
from finkd.tokenization.vocabulary import train
from tests.toys import TEXTS

BATCH = 32
TRAINING = 20_000
Batch = tuple[list[str], Tokens, Tokens]


def sample(count: int) -> list[str]:
    """Return financial text from ``FINKD_DATA``, else the toy sentences over and over."""
    file = credit_agreements()
    lines = (line for _, line in numbered_lines(file)) if file else itertools.cycle(TEXTS)
    return [line.strip()[:1000] for line in itertools.islice(lines, count)]


def two_pointers(teacher: list[tuple[int, int]], student: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Align by two pointers: walk both lists of spans, step past whichever token ends first."""
    pairs = []
    i = j = 0
    while i < len(teacher) and j < len(student):
        overlap = min(teacher[i][1], student[j][1]) - max(teacher[i][0], student[j][0])
        if overlap > 0:
            pairs.append((i, j, overlap))
        if teacher[i][1] <= student[j][1]:
            i += 1
        else:
            j += 1
    return pairs


def spans(tokens: Tokens) -> Iterator[list[tuple[int, int]]]:
    """Yield spans per text, as Python peers take them."""
    flat = list(zip(tokens.starts.tolist(), tokens.ends.tolist(), strict=True))
    for start, end in itertools.pairwise(tokens.rows.tolist()):
        yield flat[start:end]


def best_seconds(work: Callable[[], object], repeats: int) -> float:
    """Return the least time of several runs."""
    return min(timeit.repeat(work, number=1, repeat=repeats))


def peers(batches: list[Batch], teacher: Tokenizer, student: Tokenizer) -> dict[str, Callable[[], object]]:
    """Return other implementations, prepared so that only aligning is timed."""
    prepared = [pair for _, ours, theirs in batches for pair in zip(spans(ours), spans(theirs), strict=True)]
    found: dict[str, Callable[[], object]] = {
        "plain_python_two_pointers": lambda: [two_pointers(*pair) for pair in prepared]
    }
    if importlib.util.find_spec("spacy_alignments"):
        from spacy_alignments import get_alignments

        def names(tokens: Tokens, tokenizer: Tokenizer) -> list[list[str]]:
            texts = [tokenizer.vocabulary[index].removeprefix("##") for index in tokens.ids.tolist()]
            return [texts[start:end] for start, end in itertools.pairwise(tokens.rows.tolist())]

        pairs = (zip(names(ours, teacher), names(theirs, student), strict=True) for _, ours, theirs in batches)
        tokens = list(itertools.chain.from_iterable(pairs))
        found["spacy_alignments"] = lambda: [get_alignments(*pair) for pair in tokens]
    return found


def main() -> None:
    """Measure and print one JSON line."""
    given = options(
        __doc__,
        texts=(2000, "texts to align"),
        repeats=(5, "runs of each measurement; the best one counts"),
    )
    texts = sample(given.texts)
    teacher = Tokenizer.load(pretrained.resolve(pretrained.DEFAULT))
    student = train(sample(TRAINING), "wordpiece", 8000)
    rows = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    batches = [(batch, teacher.encode(batch), student.encode(batch)) for batch in rows]
    tokens = sum(len(ours.ids) + len(theirs.ids) for _, ours, theirs in batches)

    def tokenize() -> None:
        for batch in rows:
            teacher.encode(batch)
            student.encode(batch)

    tokenizing = best_seconds(tokenize, given.repeats)
    aligning = best_seconds(lambda: [align(ours, theirs) for _, ours, theirs in batches], given.repeats)
    result = {
        "tokens_per_second": round(tokens / aligning),
        "share_of_tokenizing_time": round(aligning / tokenizing, 4),
        "tokenizing_tokens_per_second": round(tokens / tokenizing),
        "peers_tokens_per_second": {
            name: round(tokens / best_seconds(work, given.repeats))
            for name, work in peers(batches, teacher, student).items()
        },
        "tokens": tokens,
        "texts": len(texts),
        "batch": BATCH,
        "threads": 1,
        "student_size": len(student),
        "source": "FINKD_DATA" if credit_agreements() else "toy sentences",
        "versions": versions(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
