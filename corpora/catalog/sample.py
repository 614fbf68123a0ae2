"""The sample that ships with finkd: financial sentences from its own grammar, labelled and unlabelled.

Train, validation and test each have their own templates and their own names, so that a model has to read the context.
The unlabelled text has its own templates too, but mentions everybody's names: as with real text, a domain's raw text
holds far more of its names than the sentences that somebody labelled. Names are ambiguous on purpose: places and
persons inside companies, surnames that are companies, tickers that are acronyms, common words that are names elsewhere.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from pathlib import Path

import yaml

from finkd.corpora.catalog.grammar import Grammar
from finkd.corpora.corpus import Find, Lines, NerCorpus, Splits, TextCorpus
from finkd.corpora.segmentation import LabelledSpan, label_text

TYPES = ("PER", "ORG", "LOC", "INSTRUMENT")
_SIZES = {"train": 700, "validation": 200, "test": 300}
_TEXT_SIZE = 4000
_SEED = 1
_ORIGIN = "this project: corpora/catalog/sample_*.yaml"
_LICENCE = "as finkd itself"
_REFERENCE = "finkd's own grammar"


@functools.cache
def side(name: str) -> Grammar:
    """The grammar of one side: ``train``, ``validation``, ``test`` or ``text``."""
    own = _blocks(f"sample_{name}.yaml")
    shared = {rule: _lines(block) for rule, block in _blocks("sample_rules.yaml").items()}
    return Grammar(_lines(own["templates"]), shared | (_all_names() if name == "text" else _own_names(name)), TYPES)


def _own_names(name: str) -> dict[str, tuple[str, ...]]:
    return {rule: _names(block) for rule, block in _blocks(f"sample_{name}.yaml").items() if rule != "templates"}


def _all_names() -> dict[str, tuple[str, ...]]:
    names = _own_names("text")
    for split in _SIZES:
        for rule, more in _own_names(split).items():
            names[rule] = (*names.get(rule, ()), *more)
    return names


def _blocks(file: str) -> dict[str, str]:
    blocks: dict[str, str] = yaml.safe_load(Path(__file__).with_name(file).read_text(encoding="utf-8"))
    return blocks


def _lines(block: str) -> tuple[str, ...]:
    return tuple(block.splitlines())


def _names(block: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in block.replace("\n", " ").strip(" ,").split(","))


def _distinct(name: str, count: int) -> Iterator[tuple[str, list[LabelledSpan]]]:
    """The first ``count`` distinct sentences that a side's grammar writes."""
    grammar, draw, seen = side(name), random.Random(_SEED), set[str]()
    while len(seen) < count:
        text, spans = grammar.sentence(draw)
        if text not in seen:
            seen.add(text)
            yield text, spans


def _read(find: Find) -> Splits:
    return {
        split: [label_text(text, spans) for text, spans in _distinct(split, size)] for split, size in _SIZES.items()
    }


def _read_text(find: Find) -> dict[str, Lines]:
    return {"sample_text": lambda: (text for text, _ in _distinct("text", _TEXT_SIZE))}


SAMPLE = NerCorpus(
    name="sample",
    title="Sample written by finkd's grammar",
    origin=_ORIGIN,
    licence=_LICENCE,
    reference=_REFERENCE,
    types=TYPES,
    notes=(
        "written by a grammar: good for trying things out, no evidence about real text",
        "train, validation and test share neither templates nor names",
    ),
    read=_read,
)

SAMPLE_TEXT = TextCorpus(
    name="sample-text",
    title="Unlabelled sample written by finkd's grammar",
    origin=_ORIGIN,
    licence=_LICENCE,
    reference=_REFERENCE,
    notes=("written by a grammar with templates of its own and the names of all sides: no evidence about real text",),
    read=_read_text,
)
