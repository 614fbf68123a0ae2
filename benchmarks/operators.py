"""Measure where the time of a tagger's ONNX graph goes, beside what the processor could do.

    python benchmarks/operators.py runs/quickstart/models/teacher-seed-1-onnx-int8
    FINKD_DATA=../shared/data python benchmarks/operators.py GRAPH --corpus finer-ord --out docs/results/operators

On one thread, with the sentences of a corpus's scored split: one sentence at a time, and all of them in the batches of
``finkd predict``. Each step of a prediction is timed by itself (medians of the repeats): splitting raw text into words,
tokenizing, the graph, decoding, probabilities. The graph's time is shared out among its operators as ONNX Runtime's
profiler sees them. The roofline is what the graph's matrix products would take at the largest speed of one core:
products of 1,024 x 1,024 x 1,024 in 8 bits, and in bf16. Writes ``operators.json`` and ``operators.png`` into a folder,
and prints the JSON.
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", RAYON_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")

import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import onnx
import onnxruntime
import torch

from benchmarks.shared import options
from finkd import corpora
from finkd.corpora.segmentation import split_sentences
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import entities
from finkd.data.encoding import windows_and_tokens
from finkd.experiments.configuration.splits import scored_split
from finkd.export.onnx_tagger import OnnxTagger, graph_session, load_onnx
from finkd.inference.marginals import entity_probabilities
from finkd.inference.tagger import sentence_logits
from finkd.inference.viterbi import decode
from finkd.models.lookup import GRAPH
from finkd.reports.figures import canvas

KINDS = {
    "products": ("DynamicQuantizeMatMul", "MatMulIntegerToFloat", "MatMulInteger", "MatMul", "Gemm", "QLinearMatMul"),
    "attention": ("FusedMatMul", "Softmax", "Transpose", "Attention", "MultiHeadAttention"),
    "norms": ("LayerNormalization", "SkipLayerNormalization"),
    "activations": ("Gelu", "BiasGelu", "FastGelu", "Erf", "Tanh"),
    "sums and factors": ("Add", "Mul"),
    "rounding": ("DynamicQuantizeLinear", "QuantizeLinear", "DequantizeLinear"),
}
"""Operators of a graph by what they are for; what is named nowhere is "other operators"."""
SIDE = 1024
WARM_UPS = 5


def median(function: Callable[[Any], Any], arguments: Sequence[Any], repeats: int) -> float:
    """Return the median over the arguments of the shortest time of some repeats, in milliseconds."""
    times = []
    for _ in range(repeats):
        row = []
        for each in arguments:
            began = time.perf_counter()
            function(each)
            row.append(time.perf_counter() - began)
        times.append(row)
    return 1000 * statistics.median(map(min, zip(*times, strict=True)))


def peaks() -> dict[str, float]:
    """Return the largest speeds of one core, in 10**9 multiply-adds a second."""
    found = {}
    small = [torch.randint(-8, 8, (SIDE, SIDE), dtype=torch.int8) for _ in range(2)]
    half = [torch.randn(SIDE, SIDE, dtype=torch.bfloat16) for _ in range(2)]
    for name, product, given in (("int8", torch._int_mm, small), ("bf16", torch.matmul, half)):
        for _ in range(WARM_UPS):
            product(*given)
        found[name] = round(SIDE**3 / median(lambda pair, made=product: made(*pair), [given], 10) / 1e6, 1)
    return found


def multiply_adds(path: Path) -> int:
    """Return the multiply-adds of the graph's matrices for each token."""
    graph = onnx.load(path).graph
    sizes = {each.name: int(np.prod(each.dims)) for each in graph.initializer if len(each.dims) == 2}
    return sum(sizes.get(node.input[1], 0) for node in graph.node if "MatMul" in node.op_type or node.op_type == "Gemm")


def steps(tagger: OnnxTagger, blocks: Sequence[Sequence[Sentence]], repeats: int) -> dict[str, float]:
    """Return the median milliseconds of each step of a prediction for a block of sentences."""
    texts = [[(sentence.text, "") for sentence in block] for block in blocks]
    encoded = [windows_and_tokens(block, tagger.tokenizer)[1] for block in blocks]
    logits = [list(sentence_logits(block, tagger)) for block in blocks]
    tags = [decode(each, tagger.labels) for each in logits]
    given = [(each, [entities(row) for row in found]) for each, found in zip(logits, tags, strict=True)]
    return {
        "splitting": median(lambda each: list(split_sentences(each)), texts, repeats),
        "tokenizing": median(lambda block: windows_and_tokens(block, tagger.tokenizer), blocks, repeats),
        "graph": median(tagger.word_logits, encoded, repeats),
        "decoding": median(lambda each: decode(each, tagger.labels), logits, repeats),
        "probabilities": median(lambda pair: entity_probabilities(pair[0], tagger.labels, pair[1]), given, repeats),
    }


def shares(folder: Path, tagger: OnnxTagger, blocks: Sequence[Sequence[Sentence]]) -> dict[str, float]:
    """Return the share of each kind of operator in the graph's time."""
    kinds = {operator: kind for kind, names in KINDS.items() for operator in names}
    with tempfile.TemporaryDirectory() as scratch:
        given = onnxruntime.SessionOptions()
        given.enable_profiling, given.profile_file_prefix = True, str(Path(scratch) / "profile")
        session = graph_session(folder / GRAPH, given)
        watched = OnnxTagger(session, tagger.tokenizer, tagger.labels, tagger.max_length)
        for block in blocks:
            watched.word_logits(windows_and_tokens(block, tagger.tokenizer)[1])
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    spent: Counter[str] = Counter()
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            spent[kinds.get(event["args"]["op_name"], "other operators")] += event["dur"]
    return {kind: spent[kind] / spent.total() for kind in (*KINDS, "other operators") if spent[kind]}


def measure(folder: Path, sentences: Sequence[Sentence], batch: int, repeats: int) -> dict[str, Any]:
    """Measure one sentence at a time, and batches."""
    tagger = load_onnx(folder, 1)
    per_token, peak = multiply_adds(folder / GRAPH), peaks()
    result: dict[str, Any] = {"peak_gmacs": peak, "macs_per_token": per_token, "sides": {}}
    batches = [sentences[start : start + batch] for start in range(0, len(sentences), batch)]
    for name, blocks in (("one sentence", [[each] for each in sentences[:200]]), (f"batch of {batch}", batches)):
        tokens = statistics.median(len(windows_and_tokens(each, tagger.tokenizer)[1].tokens.ids) for each in blocks)
        words = statistics.median(sum(len(sentence.spans) for sentence in each) for each in blocks)
        found = steps(tagger, blocks, repeats)
        graph = {kind: found["graph"] * share for kind, share in shares(folder, tagger, blocks).items()}
        result["sides"][name] = {
            "tokens": tokens,
            "words": words,
            "steps_ms": {key: round(value, 4) for key, value in found.items()},
            "graph_ms": {key: round(value, 4) for key, value in graph.items()},
            "roofline_ms": {key: round(tokens * per_token / speed / 1e6, 4) for key, speed in peak.items()},
            "share_of_peak": round(tokens * per_token / found["graph"] / 1e6 / peak["int8"], 3),
        }
    return result


def _picture(result: dict[str, Any]) -> bytes:
    """Draw the time of each side as one bar, per word, with the roofline as a line across it."""
    with canvas.style():
        figure = canvas.new_figure(9, 3.4)
        axes = figure.subplots()
        parts = ["splitting", "tokenizing", *KINDS, "other operators", "decoding", "probabilities"]
        colours = dict(
            zip(parts, (*canvas.COLOURS, "#8c564b", "#7f7f7f", "#bcbd22", "#9edae5", "#c5b0d5"), strict=False)
        )
        for row, side in enumerate(result["sides"].values()):
            left, spent = 0.0, {**side["steps_ms"], **side["graph_ms"]}
            for part in parts:
                width = 1000 * spent.get(part, 0.0) / side["words"]
                axes.barh(row, width, left=left, color=colours[part], label=None if row else part, height=0.5)
                left += width
            at = 1000 * side["roofline_ms"]["int8"] / side["words"]
            axes.plot(
                [at, at],
                [row - 0.38, row + 0.38],
                color=canvas.INK,
                linewidth=2,
                label=None if row else "products at the peak",
            )
        names = [f"{name}\n({side['words']:,.0f} words)" for name, side in result["sides"].items()]
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_xlabel("microseconds a word")
        figure.legend(frameon=False, loc="lower center", ncols=4, fontsize=9)
        figure.tight_layout(rect=(0, 0.24, 1, 1))
        return canvas.png(figure)


def main() -> None:
    """Measure, and draw what was measured."""
    given = options(
        __doc__,
        "graph",
        corpus="sample",
        batch=(128, "sentences"),
        repeats=5,
        out={"type": Path, "help": "folder for the figures and the picture"},
    )
    torch.set_num_threads(1)
    data = corpora.load(given.corpus)
    result = measure(Path(given.graph), data.splits[scored_split(data)], given.batch, given.repeats)
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "operators.json").write_text(json.dumps(result, indent=1) + "\n")
        (given.out / "operators.png").write_bytes(_picture(result))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
