"""FIRE: financial entities of 13 types; only the published dev set is to be had."""

from __future__ import annotations

from pathlib import Path

from finkd.corpora.corpus import Find, NerCorpus, SealedSplit, Source, Splits, split_by_document
from finkd.corpora.readers.records import json_records, sentence_without_blanks
from finkd.corpora.sentence import Entity, Sentence
from finkd.corpora.tags import from_entities

_FILE = "ner/fire/fire_dev.json.gz"


def _read(find: Find) -> Splits:
    return split_by_document(_sentences(find(_FILE)), {"validation": 0.15, "test": 0.25})


def _sentences(path: Path) -> list[Sentence]:
    sentences = []
    for record in json_records(path):
        entities = [Entity(each["start"], each["end"], each["type"]) for each in record["entities"]]
        tags = from_entities(entities, len(record["tokens"]))
        sentences.append(sentence_without_blanks(record["tokens"], tags))
    return sentences


FIRE = NerCorpus(
    name="fire",
    origin="github.com/hmhamad/FIRE @ 5369a3bc47f99e836c1bf2a71e7ebd3bf3de1be7",
    licence="CC BY 4.0",
    reference="Hamad, Thakur, Kolleri, Pulikodan, Chugg (Findings of NAACL 2024)",
    types=(
        "Company",
        "FinancialEntity",
        "Date",
        "Designation",
        "Money",
        "Quantity",
        "Action",
        "Product",
        "Sector",
        "Location",
        "Person",
        "BusinessUnit",
        "GeopoliticalEntity",
    ),
    files={_FILE: Source("487c5e8b37a601ed8ad911cde15cc5ba260c88fa926d0938446b1fb4fd244661")},
    notes=(
        "the published dev set (454 texts) split 60/15/25 by a hash of the text: no paper's score compares",
        "11 tokens that are white space alone are left out",
        "the published test set is sealed: it is read only where a command names it (published-test)",
        "the published train set is not to be had; its derivative with 7 types and without positions is not read",
    ),
    read=_read,
    sealed={
        "published-test": SealedSplit(
            "ner/fire/fire_test.json",
            Source(
                "87f59e4ec9844961fda348214f0861abdcce40c091356174a27a38ef0f035c2b",
                "https://raw.githubusercontent.com/hmhamad/FIRE/5369a3bc47f99e836c1bf2a71e7ebd3bf3de1be7/fire/data/fire_test.json",
            ),
            _sentences,
        )
    },
)
