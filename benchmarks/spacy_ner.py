"""Train spaCy's small pipeline from scratch on a corpus, to be compared by 'finkd benchmark'.

    FINKD_DATA=../shared/data python benchmarks/spacy_ner.py runs/spacy --corpus finer-ord --seeds 1,2,3
    finkd benchmark spacy=runs/spacy/seed-1,runs/spacy/seed-2,runs/spacy/seed-3 MODEL --corpus finer-ord

The settings are those that 'spacy init config --lang en --pipeline ner --optimize efficiency' writes. spaCy keeps the
best of its checkpoints by the split that the corpus is scored on, which is in its favour. Three minutes a seed.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import spacy
from spacy.cli.init_config import init_config
from spacy.cli.train import train
from spacy.tokens import Doc, DocBin

from benchmarks.shared import options
from finkd import corpora
from finkd.corpora.sentence import Sentence
from finkd.experiments.configuration.splits import scored_split
from finkd.runtimes.spacy_pipeline import Pipeline


def written(sentences: Iterable[Sentence], path: Path) -> Path:
    """Return labelled sentences in spaCy's form."""
    vocabulary = spacy.blank("en").vocab
    docs = (Doc(vocabulary, list(each.words), each.spaces, ents=list(each.tags or ())) for each in sentences)
    DocBin(docs=docs).to_disk(path)
    return path


def main() -> None:
    """Train one pipeline per seed."""
    given = options(__doc__, "out", corpus="sample", seeds="1")
    data = corpora.load(given.corpus)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        config = folder / "config.cfg"
        init_config(lang="en", pipeline=["ner"], optimize="efficiency").to_disk(config)
        paths = {
            "paths.train": str(written(data.splits["train"], folder / "train.spacy")),
            "paths.dev": str(written(data.splits[scored_split(data)], folder / "dev.spacy")),
        }
        for seed in given.seeds.split(","):
            train(config, folder / seed, overrides={**paths, "training.seed": int(seed), "system.seed": int(seed)})
            target = Path(given.out) / f"seed-{seed}"
            shutil.copytree(folder / seed / "model-best", target, dirs_exist_ok=True)
            print(f"{target}: {Pipeline.load(target).bytes / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
