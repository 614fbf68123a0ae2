"""Compare what an exported tagger finds on this processor and on emulated ones that lack some of its instructions.

    python benchmarks/processors.py runs/small-onnx-int8 --corpus finer-ord --split validation

Needs ``qemu-x86_64`` (Debian's package qemu-user), some 100 times as slow as the processor itself. Haswell has AVX2,
but neither AVX512 nor VNNI; ``qemu-x86_64 -cpu help`` lists more. Each emulated processor is a process of its own.
Prints one JSON line: for each the words that get another tag than here, and the largest difference of a logit.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.shared import options
from finkd import corpora
from finkd.export.onnx_tagger import load_onnx
from finkd.inference.tagger import sentence_logits
from finkd.inference.viterbi import decode
from finkd.machine import processor


def measure(model: str, corpus: str, split: str, sentences: int) -> list[np.ndarray[Any, Any]]:
    """Return the logits of each sentence."""
    text = corpora.load(corpus).splits[split][:sentences]
    return list(sentence_logits(text, load_onnx(Path(model), 1)))


def emulated(name: str, given: Any, folder: Path) -> list[np.ndarray[Any, Any]]:
    """Return the logits of each sentence as an emulated processor computes them."""
    path = folder / f"{name}.npz"
    command = [__file__, given.model, "--corpus", given.corpus, "--split", given.split]
    more = ["--sentences", str(given.sentences), "--out", str(path)]
    subprocess.run(["qemu-x86_64", "-cpu", name, sys.executable, *command, *more], check=True)
    with np.load(path) as kept:
        return [kept[name] for name in kept.files]


def compared(
    here: Sequence[np.ndarray[Any, Any]], there: Sequence[np.ndarray[Any, Any]], labels: Any
) -> dict[str, Any]:
    """Return how far two sides are apart."""
    tags = zip(decode(here, labels), decode(there, labels), strict=True)
    differing = sum(one != other for ours, theirs in tags for one, other in zip(ours, theirs, strict=True))
    largest = max(float(np.nanmax(np.abs(one - other))) for one, other in zip(here, there, strict=True))
    return {"differing": differing, "largest": round(largest, 4)}


def main() -> None:
    """Compare and print."""
    given = options(
        __doc__,
        "model",
        hidden={"out": str},
        corpus=("sample", "labelled corpus"),
        split=("test", "its split"),
        sentences=(400, "most sentences"),
        processors=("Haswell", "names that qemu-x86_64 knows, with commas between them"),
    )
    if given.out:  # Linux tells an emulated program of the real processor; PyTorch asks the emulated one
        processor.CPUINFO = Path("none")
    here = measure(given.model, given.corpus, given.split, given.sentences)
    if given.out:
        np.savez(given.out, *here)
        return
    if not shutil.which("qemu-x86_64"):
        sys.exit("processors: needs qemu-x86_64; install qemu-user")
    labels = load_onnx(Path(given.model), 1).labels
    with tempfile.TemporaryDirectory() as folder:
        sides = {name: emulated(name, given, Path(folder)) for name in given.processors.split(",")}
    found = {name: compared(here, there, labels) for name, there in sides.items()}
    print(json.dumps({"words": sum(map(len, here)), **found}))


if __name__ == "__main__":
    main()
