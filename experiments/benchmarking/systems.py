"""The systems of 'finkd benchmark': taggers of finkd in its runtimes, and pipelines of spaCy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from finkd.compression.quantization import ENTRY
from finkd.corpora.sentence import Sentence
from finkd.data.encoding import WINDOW, windows_and_tokens
from finkd.experiments.configuration.splits import has_labels
from finkd.inference.tagger import Running
from finkd.models import pretrained
from finkd.models.loading import load_model
from finkd.models.lookup import is_spacy_pipeline
from finkd.models.model import Model
from finkd.models.tagger_checks import check_head
from finkd.runtimes import runtimes
from finkd.runtimes.spacy_pipeline import RUNTIME, Pipeline
from finkd.runtimes.timing import percentiles, tokenizing


def benchmarked_system(name: str, sources: Sequence[str], kinds: Sequence[str], scratch: Path) -> BenchmarkedSystem:
    """Return a model as it can be measured.

    Args:
        name: of the model in tables.
        sources: names or folders of its seeds.
        kinds: names of the runtimes that networks are to run in.
        scratch: a folder that is made for graphs.

    Raises:
        ConfigError: if a network is no tagger.
        UnknownNameError: if there is no runtime of a name.
    """
    scratch.mkdir()
    folders = [Path(source).expanduser() for source in sources]
    if all(is_spacy_pipeline(folder) for folder in folders):
        return SpacySystem(name, folders, scratch)
    return NetworkSystem(name, [pretrained.resolve(source) for source in sources], scratch, kinds)


class NetworkSystem:
    """A tagger of finkd with its seeds, in some runtimes.

    Args:
        name: in tables.
        folders: of its seeds.
        scratch: folder for graphs.
        kinds: names of the runtimes.
    """

    def __init__(self, name: str, folders: Sequence[Path], scratch: Path, kinds: Sequence[str]) -> None:
        self.name, self.folders, self.scratch, self.kinds = name, folders, scratch, kinds
        self.models = [load_model(folder) for folder in folders]
        for model in self.models:
            check_head(model.labels, name)
        self.makers = {kind: runtimes.get(kind) for kind in kinds}

    def running(self, kind: str, threads: int, seed: int = 0) -> Running:
        """Load one of its seeds, ready to read."""
        scratch = self.scratch if seed == 0 else self.scratch / f"seed-{seed}"
        scratch.mkdir(exist_ok=True)
        return self.makers[kind](self.models[seed], scratch, threads)

    def size(self) -> tuple[int, int]:
        """Return the number of its weights, and of those in embeddings."""
        model = self.models[0]
        return sum(each.numel() for each in model.network.parameters()), model.embeddings.weight.numel()

    def packed_bytes(self) -> int | None:
        """Return the bytes of its weights without zeros and unused bits, if they were stored like that."""
        return getattr(self.models[0].network.config, ENTRY, None)

    def flops(self, sentences: Sequence[Sentence]) -> dict[str, int]:
        """Return the operations of one text, by its tokens: 128, and the mean of the sentences."""
        model = self.models[0]
        lengths = windows_and_tokens(sentences, model.tokenizer, min(WINDOW, model.max_length))[1].lengths
        return {str(tokens): _flops(model, tokens) for tokens in sorted({128, max(2, round(float(lengths.mean())))})}

    def tokenizing(self, sentences: Sequence[Sentence]) -> dict[str, float]:
        """Return percentiles of the milliseconds in which a sentence is tokenized."""
        return percentiles(tokenizing(self.models[0], sentences))

    def can_score(self, running: Running | Pipeline, types: Sequence[str]) -> bool:
        """Return whether it finds what a corpus labels."""
        return isinstance(running, Running) and has_labels(running.tagger.labels, types)


class SpacySystem:
    """A pipeline of spaCy with its seeds, which runs in nothing else.

    Args:
        name: in tables.
        folders: of its seeds.
        scratch: folder for the measurement of memory.
    """

    kinds = (RUNTIME,)

    def __init__(self, name: str, folders: Sequence[Path], scratch: Path) -> None:
        self.name, self.folders, self.scratch = name, folders, scratch
        self.pipelines = [Pipeline.load(folder) for folder in folders]

    def running(self, kind: str, threads: int, seed: int = 0) -> Pipeline:
        """Return one of its seeds, whatever the number of threads."""
        return self.pipelines[seed]

    def size(self) -> tuple[int, int]:
        """Return the number of its weights, and of those in embeddings."""
        return self.pipelines[0].sizes

    def packed_bytes(self) -> int | None:
        """Return nothing: spaCy does not pack weights."""
        return None

    def flops(self, sentences: Sequence[Sentence]) -> dict[str, int]:
        """Return nothing: operations are not counted."""
        return {}

    def tokenizing(self, sentences: Sequence[Sentence]) -> dict[str, float]:
        """Return nothing: it is given the words."""
        return {}

    def can_score(self, running: Running | Pipeline, types: Sequence[str]) -> bool:
        """Return whether it finds what a corpus labels."""
        return isinstance(running, Pipeline) and set(types) <= running.types


BenchmarkedSystem = NetworkSystem | SpacySystem


@torch.inference_mode()
def _flops(model: Model, tokens: int) -> int:
    """Count the operations of one text, twice its multiplications."""
    network: Any = model.network
    ids = torch.ones(1, min(tokens, model.max_length), dtype=torch.int64)
    with FlopCounterMode(display=False) as counter:
        network(input_ids=ids, attention_mask=torch.ones_like(ids))
    return int(counter.get_total_flops())
