"""Kinds of errors of a tagger: which gold entity each wrong one stands for, and what kind of entity is missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from finkd.corpora.sentence import Entity, Sentence
from finkd.corpora.tags import entities
from finkd.scores import Counts

Kind = Literal["border", "type", "border and type", "missed", "invented"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Mistake:
    """A gold entity that was not found as it is, an entity that is none, or both in one.

    Attributes:
        kind: ``"border"``: other words, the right type; ``"type"``: the right words, another type; ``"border and
            type"``; ``"missed"``: nothing was found there; ``"invented"``: nothing is there.
        gold: the gold entity; ``None`` if it was invented.
        found: what was found in its place; ``None`` if it was missed.
    """

    kind: Kind
    gold: Entity | None
    found: Entity | None


@dataclass(frozen=True)
class Reading:
    """What a tagger found in some sentences.

    Attributes:
        name: of the tagger.
        found: per sentence, its entities in order.
        scores: per sentence, their scores; empty if it gives none.
        tokens: per sentence, the number of tokens of each word; empty if it has no tokenizer.
    """

    name: str
    found: Sequence[Sequence[Entity]]
    scores: Sequence[Sequence[float]] = ()
    tokens: Sequence[Sequence[int]] = ()


def mistakes(gold: Iterable[Entity], found: Iterable[Entity]) -> list[Mistake]:
    """Return the mistakes of one sentence, in the order of the text.

    Every entity stands in one mistake at most. Of several that overlap, those of the same words are matched first, then
    those of the same type, then those that share more words.

    Example:
        >>> gold, found = [Entity(0, 2, "ORG"), Entity(4, 5, "PER")], [Entity(0, 1, "ORG"), Entity(7, 8, "LOC")]
        >>> [each.kind for each in mistakes(gold, found)]
        ['border', 'missed', 'invented']
    """
    gold, found = set(gold), set(found)
    missed, invented = sorted(gold - found), sorted(found - gold)
    pairs = [(true, other) for true in missed for other in invented if _shared(true, other) > 0]
    result = []
    for true, other in sorted(pairs, key=lambda pair: _order(*pair)):
        if true in missed and other in invented:
            missed.remove(true)
            invented.remove(other)
            kind: Kind = (
                "border" if true.type == other.type else "type" if _same_words(true, other) else "border and type"
            )
            result.append(Mistake(kind, true, other))
    result += [Mistake("missed", each, None) for each in missed] + [
        Mistake("invented", None, each) for each in invented
    ]
    return sorted(result, key=lambda each: each.gold or each.found or Entity(0, 0, ""))


def _order(true: Entity, other: Entity) -> tuple[bool, bool, int, Entity, Entity]:
    return not _same_words(true, other), true.type != other.type, -_shared(true, other), true, other


def _shared(one: Entity, other: Entity) -> int:
    return min(one.end, other.end) - max(one.start, other.start)


def _same_words(one: Entity, other: Entity) -> bool:
    return (one.start, one.end) == (other.start, other.end)


def surface(sentence: Sentence, entity: Entity) -> str:
    """Return the lower-cased words of an entity, with a space between them."""
    return " ".join(sentence.words[entity.start : entity.end]).lower()


def frequencies(sentences: Iterable[Sentence]) -> Counter[str]:
    """Count how often each entity stands in some labelled sentences, by its lower-cased words."""
    return Counter(surface(each, entity) for each in sentences for entity in entities(each.tags or ()))


def by_group(
    sentences: Sequence[Sentence], found: Sequence[Sequence[Entity]], group: Callable[[int, Entity], str]
) -> Mapping[str, Counts]:
    """Count right, found and gold entities by a property of an entity of a sentence, given by its number."""
    counts: dict[str, list[int]] = {}
    for row, (sentence, each) in enumerate(zip(sentences, found, strict=True)):
        gold, predicted = set(entities(sentence.tags or ())), set(each)
        for place, some in enumerate((gold & predicted, predicted, gold)):
            for entity in some:
                counts.setdefault(group(row, entity), [0, 0, 0])[place] += 1
    return {name: Counts(*row) for name, row in sorted(counts.items())}
