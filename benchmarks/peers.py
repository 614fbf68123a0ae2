"""Compare an exported tagger with other ways to tag text, on one thread, from text to entities.

    python benchmarks/peers.py runs/small-onnx-int8 runs/small --corpus finer-ord

Sides, in turn: ``finkd``, the graph; ``pipeline``, the same model in the pipeline of transformers, in fp32; ``spacy``,
the convolutional pipeline that 'spacy init config --optimize efficiency' describes; ``deberta``, an encoder of the size
of GLiNER's smallest (6 layers of 768 units, DeBERTa) in the pipeline of transformers, without the entity types that
GLiNER reads before each text; ``static``, a table of vectors and one product, as model2vec has it: each word is scored
by its own vector and its neighbours'. The last three have random weights, so they have a speed and no F1. Prints one
JSON line: words per second with batches of 32, milliseconds of a text alone (median), and finkd's ratio to each.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.prediction import by_pipeline  # first: it sets the number of threads
from benchmarks.shared import options

# isort: split
import numpy as np
import spacy
import torch
from spacy.cli.init_config import init_config
from transformers import AutoTokenizer, DebertaV2Config, DebertaV2ForTokenClassification, pipeline

from finkd import corpora
from finkd.corpora.segmentation import split_sentences
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import entities, label_names
from finkd.data.encoding import windows_and_tokens
from finkd.experiments.configuration.splits import scored_split
from finkd.export.loading import load_tagger
from finkd.inference.tagging import predict
from finkd.inference.viterbi import decode
from finkd.models.pretrained import DEFAULT, resolve
from finkd.tokenization.tokenizer import Tokenizer

BATCH = 32
DIMENSIONS = 256
Tag = Callable[[list[str]], object]


def by_finkd(graph: str) -> Tag:
    """Return the exported tagger."""
    tagger = load_tagger(graph, 1)
    return lambda texts: list(predict(texts, tagger))


def by_spacy(types: tuple[str, ...]) -> Tag:
    """Return spaCy's convolutional pipeline with random weights."""
    tagger = spacy.util.load_model_from_config(
        init_config(lang="en", pipeline=["ner"], optimize="efficiency"), auto_fill=True
    )
    for name in types:
        tagger.get_pipe("ner").add_label(name)
    tagger.initialize()
    return lambda texts: [doc.ents for doc in tagger.pipe(texts, batch_size=BATCH)]


def by_deberta(types: tuple[str, ...], batch: int) -> Tag:
    """Return a pipeline of transformers with a random DeBERTa of the size of GLiNER's smallest encoder."""
    tokenizer = AutoTokenizer.from_pretrained(resolve(DEFAULT), trust_remote_code=False)
    config = DebertaV2Config(
        vocab_size=len(tokenizer),
        num_hidden_layers=6,
        relative_attention=True,
        position_buckets=256,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type="p2c|c2p",
        position_biased_input=False,
        type_vocab_size=0,
        num_labels=2 * len(types) + 1,
    )
    network = DebertaV2ForTokenClassification(config).eval()
    tagger = pipeline(
        "ner",
        model=network,
        tokenizer=tokenizer,
        batch_size=batch,
        aggregation_strategy="first",
        trust_remote_code=False,
    )
    return lambda texts: list(tagger(texts))


class Static:
    """Tagger of random vectors: the one of each word's first token, those of its neighbours, and one product."""

    def __init__(self, tokenizer: Tokenizer, types: tuple[str, ...]) -> None:
        self.tokenizer, self.labels = tokenizer, label_names(types)
        draw = np.random.default_rng(0)
        self.table = draw.standard_normal((len(tokenizer), DIMENSIONS), np.float32)
        self.head = draw.standard_normal((3 * DIMENSIONS, len(self.labels)), np.float32)

    def read(self, texts: list[str]) -> list[list[Any]]:
        """Return the entities of each sentence."""
        found = []
        for start in range(0, len(texts), BATCH):
            sentences = list(split_sentences((text, "") for text in texts[start : start + BATCH]))
            found += [entities(tags) for tags in decode(self._logits(sentences), self.labels)]
        return found

    def _logits(self, sentences: list[Sentence]) -> list[Any]:
        _, encoded = windows_and_tokens(sentences, self.tokenizer, 512)
        words = self.table[encoded.tokens.ids[np.maximum(encoded.first, 0)]]
        padded = np.pad(words, ((1, 1), (0, 0)))
        logits = np.concatenate([padded[:-2], words, padded[2:]], axis=1) @ self.head
        return np.split(logits, np.cumsum([len(each.spans) for each in sentences])[:-1])


def main() -> None:
    """Take turns."""
    given = options(__doc__, "graph", "model", corpus="sample", repeats=3, alone=(100, "texts that are read alone"))
    torch.set_num_threads(1)
    data = corpora.load(given.corpus)
    texts = [sentence.text for sentence in data.splits[scored_split(data)]]
    tokenizer = Tokenizer.load(resolve(DEFAULT))
    sides: dict[str, tuple[Tag, Tag]] = {
        "finkd": (by_finkd(given.graph),) * 2,
        "pipeline": (by_pipeline(given.model, BATCH), by_pipeline(given.model, 1)),
        "spacy": (by_spacy(data.types),) * 2,
        "deberta": (by_deberta(data.types, BATCH), by_deberta(data.types, 1)),
        "static": (Static(tokenizer, data.types).read,) * 2,
    }
    batches: dict[str, list[float]] = {name: [] for name in sides}
    alone: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(given.repeats):
        for name, (many, one) in sides.items():
            batches[name].append(_seconds(many, texts))
            alone[name] += [_seconds(one, [text]) for text in texts[: given.alone]]
    words = sum(len(text.split()) for text in texts)
    speed = {name: words / min(each) for name, each in batches.items()}
    p50 = {name: 1000 * statistics.median(each) for name, each in alone.items()}
    result = {
        "corpus": data.name,
        "words_per_second": {name: round(each) for name, each in speed.items()},
        "milliseconds": {name: round(each, 2) for name, each in p50.items()},
        "times_the_speed": {name: round(speed["finkd"] / each, 2) for name, each in speed.items()},
        "times_as_soon": {name: round(each / p50["finkd"], 2) for name, each in p50.items()},
    }
    print(json.dumps(result))


def _seconds(tag: Tag, texts: list[str]) -> float:
    began = time.perf_counter()
    tag(texts)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
