"""Measure 'finkd predict --file --out' on a file of any size: words per second, and whether its memory stays.

    python benchmarks/large_file.py runs/quickstart/models/teacher-seed-1
    FINKD_DATA=... python benchmarks/large_file.py MODEL-onnx-int8 --text financial-text --megabytes 1000
    FINKD_DATA=... python benchmarks/large_file.py tiny --text financial-text --megabytes 1000

The last one tags with a graph of three layers of 32 dimensions and random weights, which finds an entity in one of 26
words: what remains is the time and the memory of all that surrounds a model.

The file holds the lines of a raw text, over and over if they are too few; another one is a tenth of it. The command
tags both, each in a process of its own. The peer is ``finkd.predict`` on the texts of the small file in memory, with
the same model and threads. Prints one JSON line: megabytes, words (as blanks divide them) per second, loading the model
included, peak memory, and the ratios: speed to the peer's, memory of the large file to that of the small one.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil

from benchmarks.shared import FINKD, fresh, options, peak_mib
from finkd.corpora.tags import label_names
from finkd.corpora.text.sampling import stream

MEGABYTE = 10**6
TINY = "tiny"
_LOOK_SECONDS = 0.05


def write_text(path: Path, name: str, size: int) -> int:
    """Write the lines of a raw text until a file has a size; return the number of words."""
    written = words = 0
    lines = itertools.chain.from_iterable(stream(name) for _ in itertools.count())
    with path.open("wb") as file:
        while written < size:
            line = next(lines)
            words += len(line.split())
            written += file.write(line.encode() + b"\n")
    return words


def write_tiny(folder: Path) -> None:
    """Write the graph of a tiny tagger with random weights; the bias of ``O`` makes most words no entity."""
    import torch  # here alone: the process whose memory is measured runs a graph without it

    from finkd.export.onnx_export import export_onnx
    from finkd.models.families import FAMILIES
    from finkd.models.heads import with_head
    from finkd.models.loading import load_model
    from finkd.models.pretrained import DEFAULT

    torch.manual_seed(1)
    tokenizer = load_model(DEFAULT).tokenizer
    tagger = with_head(FAMILIES["bert"].tiny(tokenizer), label_names(("ORG", "PER", "LOC")), 1)
    head: Any = tagger.network.classifier
    torch.nn.init.normal_(head.weight, std=0.1)
    torch.nn.init.zeros_(head.bias)
    with torch.no_grad():
        head.bias[0] = 1.35
    export_onnx(tagger, folder, "onnx-int8")


def texts(path: Path) -> Iterator[str]:
    """Yield the lines of a file."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield line.rstrip("\n")


def by_command(model: str, source: Path, words: int) -> dict[str, Any]:
    """Tag a file by the command."""
    out = source.with_suffix(".jsonl")
    began, peak = time.perf_counter(), 0
    with subprocess.Popen([*FINKD, "predict", model, "--file", str(source), "--out", str(out)]) as process:
        looked = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                peak = max(peak, looked.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            time.sleep(_LOOK_SECONDS)
    seconds = time.perf_counter() - began
    if process.returncode:
        sys.exit(process.returncode)
    with out.open("rb") as file:
        lines = sum(1 for _ in file)
    out.unlink()
    megabytes = source.stat().st_size / MEGABYTE
    return {"megabytes": round(megabytes), "lines": lines, **_speed(words, seconds), "peak_mib": peak >> 20}


def in_memory(model: str, source: str, words: int) -> dict[str, Any]:
    """Tag the texts of a file that are in memory, loading the model included."""
    began = time.perf_counter()

    from finkd.export.loading import load_tagger
    from finkd.inference.tagging import predict

    given = list(texts(Path(source)))
    for _ in predict(given, load_tagger(model, precision="auto")):
        pass
    return {**_speed(words, time.perf_counter() - began), "peak_mib": peak_mib()}


def _speed(words: int, seconds: float) -> dict[str, Any]:
    return {"seconds": round(seconds, 1), "words_per_second": round(words / seconds)}


def main() -> None:
    """Tag both files, and the small one in memory."""
    given = options(
        __doc__,
        "model",
        text=("sample-text", "raw text, by name or a file"),
        megabytes=(100, "of the large file"),
        hidden={"source": str, "words": int},
    )
    if given.source:
        print(json.dumps(in_memory(given.model, given.source, given.words)))
        return
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder, "small.txt"), Path(folder, "large.txt")
        size = given.megabytes * MEGABYTE
        few, many = write_text(small, given.text, size // 10), write_text(large, given.text, size)
        model = given.model
        if model == TINY:
            model = str(Path(folder, TINY))
            write_tiny(Path(model))
        memory = fresh(__file__, model, "--source", small, "--words", few)
        first, second = by_command(model, small, few), by_command(model, large, many)
    found = {
        "model": given.model,
        "small": first,
        "large": second,
        "in_memory": memory,
        "speed_to_memory": round(second["words_per_second"] / memory["words_per_second"], 2),
        "memory_to_small": round(second["peak_mib"] / first["peak_mib"], 2),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
