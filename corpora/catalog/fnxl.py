"""FNXL: numerals of SEC sentences; the 2,799 XBRL tags become one type."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from finkd.corpora.corpus import NerCorpus, Source
from finkd.corpora.readers.lines import csv_rows
from finkd.corpora.readers.records import sentence_without_blanks
from finkd.corpora.sentence import Sentence

_FOLDER = "ner/fnxl"
_FILES = {"train": "train_sample.csv.gz", "validation": "dev_sample.csv.gz", "test": "test_sample.csv.gz"}


def _sentences(path: Path) -> Iterator[Sentence]:
    for _, row in csv_rows(path, ("tokens", "ner_tags", "fileName")):
        words, tags = ast.literal_eval(row["tokens"]), ast.literal_eval(row["ner_tags"])
        # Every tagged numeral is one token of its own, so that no tag continues another.
        yield sentence_without_blanks(words, ["B-NUM" if tag else "O" for tag in tags], row["fileName"])


FNXL = NerCorpus(
    name="fnxl",
    origin="github.com/soummyaah/FNXL @ 250200aa663dc5b97fd17713641bd234a05a106f",
    licence="none stated; the texts are public SEC filings",
    reference="Sharma et al. (Findings of ACL 2023)",
    types=("NUM",),
    files={
        f"{_FOLDER}/train_sample.csv.gz": Source("914a4b66326b22e72498ef9f63cc5d5696dae6092fb1e93d8e526791dce1e457"),
        f"{_FOLDER}/dev_sample.csv.gz": Source("08cd2fe3d2cd863c386682792af5a6079938a069d1a196b2eff3e0e23bb677ff"),
        f"{_FOLDER}/test_sample.csv.gz": Source("6251d4f47301362c936aecd0757097a09d46d031aca018abd1965fa801c6d66c"),
    },
    notes=(
        "the task here is to find tagged numerals (NUM), not to tell the 2,799 XBRL tags apart",
        "47 tokens that are white space alone are left out",
    ),
    read=lambda find: {split: list(_sentences(find(f"{_FOLDER}/{file}"))) for split, file in _FILES.items()},
)
