"""Compare 'finkd predict' with the pipeline of transformers, with the same model on one core.

    python benchmarks/prediction.py runs/quickstart/models/teacher-seed-1 --corpus sample
    python benchmarks/prediction.py MODEL --corpus finer-ord --graph MODEL-onnx-int8

Texts are the sentences of a corpus's scored split, of which each side reads all. The pipeline is
``pipeline("ner", aggregation_strategy="first")``, which reads words by their first token as finkd does, one text after
the other, and with batches of 32.
Sides take turns; the best of the repeats counts. Prints one JSON line: words per second, ratios to both pipelines, each
side's strict F1, and how many entities are found alike: the pipeline takes the likeliest label of each word of the
tokenizer (U.S. has four), finkd the best sequence that IOB2 allows of the words of its own splitter. Read by the
pipeline's rule, finkd's scores give the pipeline's entities: how many differ then is printed, too.
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false", TRANSFORMERS_VERBOSITY="error")

import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch

from benchmarks.shared import options
from finkd import corpora
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import entities
from finkd.experiments.configuration.splits import scored_split
from finkd.export.loading import load_tagger
from finkd.inference.tagger import sentence_logits
from finkd.inference.tagging import predict
from finkd.models.architectures import register

Entities = set[tuple[int, int, int, str]]


def by_pipeline(model: str, batch: int) -> Callable[[list[str]], Entities]:
    """Return the pipeline of transformers."""
    from transformers import pipeline

    register()
    reader = pipeline(
        "ner", model=model, aggregation_strategy="first", device="cpu", batch_size=batch, trust_remote_code=False
    )

    def find(texts: list[str]) -> Entities:
        found = reader(texts) if batch > 1 else [reader(text) for text in texts]
        return {(n, e["start"], e["end"], e["entity_group"]) for n, each in enumerate(found) for e in each}

    return find


def by_finkd(folder: str, precision: str) -> Callable[[list[str]], Entities]:
    """Return the tagger of finkd."""
    tagger = load_tagger(folder, 1, precision)

    def find(texts: list[str]) -> Entities:
        found = enumerate(predict(texts, tagger))
        return {(n, m.start, m.end, m.label) for n, each in found for m in each.mentions}

    return find


def by_its_rule(folder: str) -> Callable[[list[str]], Entities]:
    """Logits of finkd, read as the pipeline reads its own: words of the tokenizer, the likeliest label of each."""
    tagger = load_tagger(folder, 1)

    def find(texts: list[str]) -> Entities:
        cutter = tagger.tokenizer.backend.pre_tokenizer
        sentences = [Sentence(text, tuple(span for _, span in cutter.pre_tokenize_str(text))) for text in texts]
        found = set()
        for number, (sentence, scores) in enumerate(zip(sentences, sentence_logits(sentences, tagger), strict=True)):
            group: tuple[int, int, int, str] | None = None
            for (start, end), best in zip(sentence.spans, scores.argmax(axis=1), strict=True):
                begins, _, label = tagger.labels[best].partition("-")
                if group is not None and label == group[3] and begins != "B":
                    group = (number, group[1], end, label)
                    continue
                found.add(group)
                group = (number, start, end, label)
            found.add(group)
        return {group for group in found if group is not None and group[3]}

    return find


def main() -> None:
    """Take turns."""
    given = options(
        __doc__,
        "model",
        graph={"help": "folder of the model's ONNX graph"},
        corpus="sample",
        repeats=3,
    )
    torch.set_num_threads(1)
    data = corpora.load(given.corpus)
    sentences = data.splits[scored_split(data)]
    texts = [sentence.text for sentence in sentences]
    gold = {
        (n, s.spans[e.start][0], s.spans[e.end - 1][1], e.type)
        for n, s in enumerate(sentences)
        for e in entities(s.tags or ())
    }
    sides = {
        "pipeline": by_pipeline(given.model, 1),
        "pipeline, 32": by_pipeline(given.model, 32),
        "finkd": by_finkd(given.model, "auto"),
        "finkd, fp32": by_finkd(given.model, "fp32"),
    }
    if given.graph:
        sides["finkd, graph"] = by_finkd(given.graph, "fp32")
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    found: dict[str, Entities] = {}
    for _ in range(given.repeats):
        for name, find in sides.items():
            began = time.perf_counter()
            found[name] = find(texts)
            seconds[name].append(time.perf_counter() - began)
    same = by_its_rule(given.model)(texts)
    words = sum(len(text.split()) for text in texts)
    speed = {name: words / min(each) for name, each in seconds.items()}
    ours = {name: each for name, each in found.items() if name.startswith("finkd")}
    result = {
        "model": given.model,
        "corpus": given.corpus,
        "texts": len(texts),
        "words_per_second": speed,
        "times_the_pipeline": {name: speed[name] / speed["pipeline"] for name in ours},
        "times_the_pipeline_in_batches": {name: speed[name] / speed["pipeline, 32"] for name in ours},
        "entities": {name: len(each) for name, each in found.items()},
        "f1": {name: 2 * len(each & gold) / (len(each) + len(gold)) for name, each in found.items()},
        "other_than_the_pipeline_by_its_rule": len(same ^ found["pipeline"]),
        "alike": {name: len(each & found["pipeline"]) for name, each in ours.items()},
        "machine": platform.machine(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
