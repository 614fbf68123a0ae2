"""IMDb: film reviews of several hundred words (Maas et al. 2011)."""

from __future__ import annotations

from pathlib import Path

from finkd.corpora.corpus import Source
from finkd.corpora.readers.json_files import json_lines
from finkd.corpora.tasks.task import Example, Hub, TextTask

_FILES = {"train": "imdb/imdb_train_5k.jsonl.gz", "test": "imdb/imdb_test_5k.jsonl.gz"}


def _examples(path: Path) -> list[Example]:
    # Line breaks in HTML stand for white space.
    return [Example(row["text"].replace("<br />", " "), "", int(row["label"])) for _, row in json_lines(path)]


IMDB = TextTask(
    name="imdb",
    origin="github.com/dax44/AMLM @ 05fb2144cdac27a88f277b3969df58e2ae041af6, and the hub's stanfordnlp/imdb",
    licence="research use",
    reference="Maas et al. (2011)",
    files={
        "imdb/imdb_train_5k.jsonl.gz": Source("46e5ebe7eff8d96024fa6a120517250f8c62216e47d902f461764ae0e8261013"),
        "imdb/imdb_test_5k.jsonl.gz": Source("73b6d1e77f857ca8542b3f7813163c0168f7e2182b9fc69a4afa63ecc3c4a5ea"),
    },
    notes=("5,000 reviews of each split, drawn by their numbers", "line breaks in HTML were taken for white space"),
    labels=("negative", "positive"),
    metrics=("accuracy",),
    read=lambda find: {split: _examples(find(path)) for split, path in _FILES.items()},
    hub=Hub("stanfordnlp/imdb", None, ("text",), {"train": "train", "test": "test"}),
    samples=("train", "test"),
)
