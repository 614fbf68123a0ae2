"""FinEntity: companies, currencies and markets in Reuters paragraphs, marked where a sentiment was judged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finkd.corpora.corpus import NerCorpus, Source, split_by_document
from finkd.corpora.readers.records import json_records
from finkd.corpora.segmentation import LabelledSpan, label_text
from finkd.corpora.sentence import Sentence

_FILE = "ner/finentity/FinEntity.json"
_REPLACEMENT = "\ufffd"


def _paragraphs(path: Path) -> list[Sentence]:
    paragraphs: dict[str, Sentence] = {}
    for record in json_records(path):
        text = record["content"]
        # The offsets were counted before characters were lost to U+FFFD, and no longer fit where one occurs.
        if text not in paragraphs and _REPLACEMENT not in text:
            paragraphs[text] = label_text(text, _longest(record["annotations"]))
    return list(paragraphs.values())


def _longest(annotations: Sequence[dict[str, Any]]) -> list[LabelledSpan]:
    """Return the annotated spans; of those that overlap (3 paragraphs), the longest stays."""
    kept: list[LabelledSpan] = []
    for each in sorted(annotations, key=lambda each: (each["start"] - each["end"], each["start"])):
        if all(each["end"] <= start or end <= each["start"] for start, end, _ in kept):
            kept.append((each["start"], each["end"], "ENT"))
    return kept


FINENTITY = NerCorpus(
    name="finentity",
    origin="github.com/yixuantt/FinEntity @ 3b6cedc5485b669c2ed168f1d949f517636eb7b8",
    licence="ODC-BY",
    reference="Tang, Yang, Huang, Tam, Tang (EMNLP 2023)",
    types=("ENT",),
    files={
        _FILE: Source(
            "3208667de69383120b0380aebeaabe360669eda72269c33e1c8b09d63df55463",
            "https://raw.githubusercontent.com/yixuantt/FinEntity/"
            "3b6cedc5485b669c2ed168f1d949f517636eb7b8/data/FinEntity.json",
        )
    },
    notes=(
        "all sentiment labels are read as ENT; only entities with a judged sentiment are marked: precision looks low",
        "paragraphs with U+FFFD (50) and repeated ones are left out; split 70/10/20 by a hash of the paragraph",
    ),
    read=lambda find: split_by_document(_paragraphs(find(_FILE)), {"validation": 0.1, "test": 0.2}),
)
