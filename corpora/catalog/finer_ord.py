"""FiNER-ORD: financial news with persons, locations and organisations."""

from __future__ import annotations

from finkd.corpora.corpus import Find, NerCorpus, Source, Splits
from finkd.corpora.readers.columns import TokenColumns, read_csv_tokens
from finkd.corpora.tags import label_names

_BASE = "https://raw.githubusercontent.com/gtfintechlab/FiNER-ORD/3c41d89adb1a4becd1b47f52ddd7a72454249c3a/data/train"
_TYPES = ("PER", "LOC", "ORG")
_TAGS = {str(number): tag for number, tag in enumerate(label_names(_TYPES))}
_COLUMNS = TokenColumns("gold_token", "gold_label", ("doc_idx", "sent_idx"), "doc_idx")


def _read(find: Find) -> Splits:
    # Some I- follow no B- of their type; strict scoring never counts them, so that gold drops them as well.
    return {
        split: list(
            read_csv_tokens(find(f"ner/finer-ord/{file}.csv"), _COLUMNS, tag_of=_TAGS.__getitem__, drop_orphans=True)
        )
        for split, file in (("train", "train"), ("validation", "val"))
    }


FINER_ORD = NerCorpus(
    name="finer-ord",
    title="FiNER-ORD, financial news (train and validation)",
    origin="github.com/gtfintechlab/FiNER-ORD @ 3c41d89adb1a4becd1b47f52ddd7a72454249c3a",
    licence="CC BY-NC 4.0",
    reference="Shah, Gullapalli, Vithani, Galarnyk, Chava (2023), arXiv:2302.11157",
    types=_TYPES,
    files={
        "ner/finer-ord/train.csv": Source(
            "12d81f719a58b0f78866a4ce6640195b6d9eb4d82f33194fa368ae1e7b599ac9", f"{_BASE}/train.csv"
        ),
        "ner/finer-ord/val.csv": Source(
            "9cad96d9719569db9f7de843f23461bd37884e283ec3a07e211319d3a275ee97", f"{_BASE}/val.csv"
        ),
    },
    notes=(
        "the test split is not read: scores are on validation",
        "I- labels without a B- before them are read as O, as strict scoring does",
        "27 sentences of six words or more stand in train and validation alike",
    ),
    read=_read,
)
