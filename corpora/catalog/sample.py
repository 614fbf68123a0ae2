"""The sample that ships with finkd: financial sentences from its own grammar, labelled and unlabelled.

Train, validation and test each have their own templates and their own names, so that a model has to read the context.
The unlabelled text has its own templates too, but mentions the names of all of them: as with real text, a domain's raw
text holds far more of its names than the labelled sentences. Names are ambiguous on purpose: places and persons inside
companies, surnames that are companies, tickers that are acronyms, common words that are names elsewhere.
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from finkd.corpora.corpus import NerCorpus, TextCorpus
from finkd.corpora.segmentation import LabelledSpan, label_text

TYPES = ("PER", "ORG", "LOC", "INSTRUMENT")
_SIZES = {"train": 700, "validation": 200, "test": 300}
_TEXT_SIZE = 4000
_SEED = 1
_ORIGIN = "this project: corpora/catalog/sample_*.yaml"
_LICENCE = "as finkd itself"
_REFERENCE = "finkd's own grammar"
_SLOT = re.compile(r"\{(?:([A-Z]+):)?(\w+)\}")
_OPTION = re.compile(r"\[([^\]]*)\]")


@dataclass(frozen=True)
class Grammar:
    """Templates and the rules that fill them.

    In a template or an alternative, ``{rule}`` is replaced by an alternative of that rule, ``{TYPE:rule}`` likewise
    with the result labelled, ``{TYPE}`` short for ``{TYPE:TYPE}``, and ``[text]`` is left out half of the time.

    Attributes:
        templates: what a sentence starts from.
        rules: rule name -> alternatives; one that is listed twice is twice as likely.
        types: rule names that label what they expand to.
    """

    templates: tuple[str, ...]
    rules: Mapping[str, tuple[str, ...]]
    types: tuple[str, ...]

    def sentence(self, draw: random.Random) -> tuple[str, list[LabelledSpan]]:
        """Generate a sentence and the character spans of its entities; ``draw`` alone decides which.

        Raises:
            KeyError: if a template names a rule that is not there.
        """
        template = _OPTION.sub(lambda option: option[1] if draw.random() < 0.5 else "", _pick(self.templates, draw))
        text, spans, last = "", [], 0
        for slot in _SLOT.finditer(template):
            text = _join(text, template[last : slot.start()])
            filled = self._expand(slot[2], draw)
            type_ = slot[1] or (slot[2] if slot[2] in self.types else "")
            if type_:
                spans.append((len(text), len(text) + len(filled), type_))
            text += filled
            last = slot.end()
        text = _join(text, template[last:])
        return text[:1].upper() + text[1:], spans

    def _expand(self, rule: str, draw: random.Random) -> str:
        return _SLOT.sub(lambda slot: self._expand(slot[2], draw), _pick(self.rules[rule], draw))


def _join(text: str, following: str) -> str:
    """Put two parts together; a full stop after an abbreviation's is not written twice."""
    return text + (following[1:] if text.endswith(".") and following.startswith(".") else following)


def _pick(alternatives: Sequence[str], draw: random.Random) -> str:
    # randrange and random keep their sequence for a seed in every Python; choice and shuffle do not promise to.
    return alternatives[draw.randrange(len(alternatives))]


@functools.cache
def side(name: str) -> Grammar:
    """Return the grammar of one side: ``train``, ``validation``, ``test`` or ``text``."""
    own = _blocks(f"sample_{name}.yaml")
    rules = {rule: tuple(block.splitlines()) for rule, block in _blocks("sample_rules.yaml").items()}
    names = _own_names(name)
    if name == "text":
        for split in _SIZES:
            for rule, more in _own_names(split).items():
                names[rule] = (*names.get(rule, ()), *more)
    return Grammar(tuple(own["templates"].splitlines()), rules | names, TYPES)


def _own_names(name: str) -> dict[str, tuple[str, ...]]:
    blocks = {rule: block.replace("\n", " ").strip(" ,") for rule, block in _blocks(f"sample_{name}.yaml").items()}
    return {
        rule: tuple(name.strip() for name in block.split(",")) for rule, block in blocks.items() if rule != "templates"
    }


def _blocks(file: str) -> dict[str, str]:
    blocks: dict[str, str] = yaml.safe_load(Path(__file__).with_name(file).read_text(encoding="utf-8"))
    return blocks


def _distinct(name: str, count: int) -> Iterator[tuple[str, list[LabelledSpan]]]:
    """Generate the first ``count`` distinct sentences of a side's grammar."""
    grammar, draw, seen = side(name), random.Random(_SEED), set[str]()
    while len(seen) < count:
        text, spans = grammar.sentence(draw)
        if text not in seen:
            seen.add(text)
            yield text, spans


SAMPLE = NerCorpus(
    name="sample",
    origin=_ORIGIN,
    licence=_LICENCE,
    reference=_REFERENCE,
    types=TYPES,
    notes=(
        "written by a grammar: good for trying things out, no evidence about real text",
        "train, validation and test share neither templates nor names",
    ),
    read=lambda find: {
        split: [label_text(text, spans) for text, spans in _distinct(split, size)] for split, size in _SIZES.items()
    },
)

SAMPLE_TEXT = TextCorpus(
    name="sample-text",
    origin=_ORIGIN,
    licence=_LICENCE,
    reference=_REFERENCE,
    notes=("written by a grammar with templates of its own and the names of all sides: no evidence about real text",),
    read=lambda find: {"sample_text": lambda: (text for text, _ in _distinct("text", _TEXT_SIZE))},
)
