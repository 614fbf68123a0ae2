"""KPI-EDGAR: key performance indicators and their values in 10-K sentences."""

from __future__ import annotations

from finkd.corpora.corpus import Find, NerCorpus, Source, Splits
from finkd.corpora.readers.json_files import json_lines
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import entities, from_entities

_FILE = "ner/kpi-edgar/kpi_edgar.jsonl.gz"
_SPLITS = {"train": "train", "valid": "validation", "test": "test"}


def _read(find: Find) -> Splits:
    splits: dict[str, list[Sentence]] = {split: [] for split in _SPLITS.values()}
    for _, record in json_lines(find(_FILE)):
        found, words = entities(record["ner_tags"]), record["tokens"]
        # The annotators marked these sentences for deletion; the authors' count leaves them out too.
        if any(entity.type == "delete" for entity in found):
            continue
        # Numbers that were marked as being no indicator are not scored.
        scored = [entity for entity in found if entity.type != "false_positive"]
        tags = from_entities(scored, len(words))
        splits[_SPLITS[record["split"]]].append(Sentence.from_words(words, tags, record["doc"]))
    return splits


KPI_EDGAR = NerCorpus(
    name="kpi-edgar",
    origin="github.com/tobideusser/kpi-edgar @ 2ec7084dcd55b4979bbe288d4aa1e962c685c9ab",
    licence="MIT",
    reference="Deusser et al. (ICMLA 2022), arXiv:2210.09163",
    types=(
        "kpi",
        "cy",
        "py",
        "thereof",
        "py1",
        "attr",
        "increase",
        "decrease",
        "increase_py",
        "kpi_coref",
        "decrease_py",
    ),
    files={_FILE: Source("286c4a57fc6a83bf9b8504a7c55ed89dca3238bd710400d5166bbac349b2b2b6")},
    notes=(
        "36 sentences marked delete are left out and false_positive is read as O",
        "annual filings repeat themselves: 21 of 248 test sentences share a 13-gram with train",
    ),
    read=_read,
)
