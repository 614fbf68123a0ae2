"""FiNER-ORD: financial news with persons, locations and organisations."""

from __future__ import annotations

from pathlib import Path

from finkd.corpora.corpus import Find, NerCorpus, SealedSplit, Source, Splits
from finkd.corpora.readers.columns import TokenColumns, read_csv_tokens
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import label_names

_BASE = "https://raw.githubusercontent.com/gtfintechlab/FiNER-ORD/3c41d89adb1a4becd1b47f52ddd7a72454249c3a/data"
_TYPES = ("PER", "LOC", "ORG")
_TAGS = {str(number): tag for number, tag in enumerate(label_names(_TYPES))}
_COLUMNS = TokenColumns("gold_token", "gold_label", ("doc_idx", "sent_idx"), "doc_idx")


def _read(find: Find) -> Splits:
    files = (("train", "train"), ("validation", "val"))
    return {split: _sentences(find(f"ner/finer-ord/{file}.csv")) for split, file in files}


def _sentences(path: Path) -> list[Sentence]:
    # Some I- follow no B- of their type; strict scoring never counts them, so that gold drops them as well.
    return list(read_csv_tokens(path, _COLUMNS, tag_of=_TAGS.__getitem__, drop_orphans=True))


FINER_ORD = NerCorpus(
    name="finer-ord",
    origin="github.com/gtfintechlab/FiNER-ORD @ 3c41d89adb1a4becd1b47f52ddd7a72454249c3a",
    licence="CC BY-NC 4.0",
    reference="Shah, Gullapalli, Vithani, Galarnyk, Chava (2023), arXiv:2302.11157",
    types=_TYPES,
    files={
        "ner/finer-ord/train.csv": Source(
            "12d81f719a58b0f78866a4ce6640195b6d9eb4d82f33194fa368ae1e7b599ac9", f"{_BASE}/train/train.csv"
        ),
        "ner/finer-ord/val.csv": Source(
            "9cad96d9719569db9f7de843f23461bd37884e283ec3a07e211319d3a275ee97", f"{_BASE}/train/val.csv"
        ),
    },
    notes=(
        "the test split (1,075 sentences of 42 documents) is sealed: it is read only where a command names it",
        "I- labels without a B- before them are read as O, as strict scoring does",
        "27 sentences of six words or more stand in train and validation alike",
    ),
    read=_read,
    sealed={
        "test": SealedSplit(
            "ner/finer-ord/test.csv",
            Source(
                "51d305cb7e4431592a6880fe1c88b7b7ce35026f4249ce22d2d9cd84b4150b5b",
                f"{_BASE}/test/test.csv",
            ),
            _sentences,
        )
    },
)
