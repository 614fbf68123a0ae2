"""A small context-free grammar with labels: it knows the entities of its sentences because it wrote them."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finkd.corpora.segmentation import LabelledSpan

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
        """One sentence and the character spans of its entities; ``draw`` alone decides which.

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
