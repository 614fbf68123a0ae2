"""Tag schemes and their common meaning: a list of entities.

Three schemes mark the words of an entity. IOB2 starts each entity with ``B-``. IOB1 writes ``I-`` and needs ``B-`` only
between neighbours of one type. BIOES closes an entity with ``E-`` and marks single words ``S-``. In every scheme an
entity has one type: ``B-X I-Y`` is never one span. What the labels of a model spell but no annotator would write (an
``I-`` without its ``B-``, an ``E-`` out of nowhere) is no entity, which is how strict scoring (seqeval) sees it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, cast, get_args

from finkd.corpora.errors import ConfigError
from finkd.corpora.registry import unknown
from finkd.corpora.sentence import Entity
from finkd.corpora.wording import counted

Scheme = Literal["IOB1", "IOB2", "BIOES"]
SCHEMES: tuple[str, ...] = get_args(Scheme)
OUTSIDE = "O"
_PREFIXES = {"IOB1": "BI", "IOB2": "BI", "BIOES": "BIES"}


def scheme_named(name: str) -> Scheme:
    """Return the scheme that ``name`` spells.

    Raises:
        ConfigError: if it is none; the message suggests the nearest.
    """
    if name not in SCHEMES:
        raise ConfigError(unknown("scheme", name, list(SCHEMES)))
    return cast(Scheme, name)


def label_names(types: Iterable[str]) -> tuple[str, ...]:
    """Return the IOB2 labels for entity types, in their order: ``("O", "B-X", "I-X", "B-Y", "I-Y", ...)``."""
    return (OUTSIDE, *(f"{prefix}-{type_}" for type_ in types for prefix in "BI"))


def entity_types(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the entity types of a model's labels, each once, in the order in which they first come."""
    return tuple(dict.fromkeys(label.partition("-")[2] for label in labels if label != OUTSIDE))


def first_illegal(tags: Sequence[str], scheme: Scheme) -> tuple[int, str] | None:
    """Return where a tag sequence first breaks its scheme: where other tags would mark the same entities.

    Returns:
        The index of the tag and the reason in words, or ``None`` if all are legal. An entity that is never closed is
        reported at its first tag.
    """
    for index, tag in enumerate(tags):
        if not _is_tag(tag, scheme):
            return index, _expected(tag, scheme)
    for index, (tag, meant) in enumerate(zip(tags, convert(tags, scheme, scheme), strict=True)):
        if tag != meant:
            return index, f"found {tag!r}, which does not fit its neighbours; {scheme} reads it as {meant!r}"
    return None


def _is_tag(tag: str, scheme: Scheme) -> bool:
    return tag == OUTSIDE or (tag[:1] in tuple(_PREFIXES[scheme]) and tag[1:2] == "-" and len(tag) > 2)


def _expected(tag: str, scheme: Scheme) -> str:
    prefixes = ", ".join(f"{letter}-TYPE" for letter in _PREFIXES[scheme])
    return f"found {tag!r}; expected O, {prefixes} ({scheme})"


def entities(tags: Sequence[str], scheme: Scheme = "IOB2") -> list[Entity]:
    """Return the entities that tags mark, in order; fragments that form no entity are skipped (see the module's head).

    Raises:
        ValueError: if a tag is no tag at all (neither ``O`` nor ``PREFIX-TYPE`` of the scheme).
    """
    found: list[Entity] = []
    start, open_type = 0, ""
    for index, tag in enumerate((*tags, OUTSIDE)):
        if tag == OUTSIDE and not open_type:
            continue  # as most words of most texts
        if not _is_tag(tag, scheme):
            raise ValueError(f"tag {index}: {_expected(tag, scheme)}")
        prefix, _, type_ = tag.partition("-")
        goes_on = prefix in ("I", "E") and type_ == open_type != ""
        if open_type and not goes_on:
            if scheme != "BIOES":
                found.append(Entity(start, index, open_type))
            open_type = ""
        if prefix in ("B", "S") or (scheme == "IOB1" and prefix == "I" and not goes_on):
            start, open_type = index, type_
        if prefix == "S" or (prefix == "E" and goes_on):
            found.append(Entity(start, index + 1, type_))
            open_type = ""
    return found


def from_entities(found: Iterable[Entity], length: int, scheme: Scheme = "IOB2") -> list[str]:
    """Return the tags of ``length`` words that hold these entities.

    Raises:
        ValueError: if an entity is empty, leaves the sentence or overlaps another.
    """
    tags = [OUTSIDE] * length
    last, last_type = 0, ""
    for entity in sorted(found):
        if not last <= entity.start < entity.end <= length:
            raise ValueError(f"{entity} is empty, overlaps another or leaves a sentence of {counted(length, 'word')}")
        tags[entity.start : entity.end] = [f"I-{entity.type}"] * (entity.end - entity.start)
        touches = entity.start == last and entity.type == last_type
        if scheme != "IOB1" or touches:
            tags[entity.start] = f"B-{entity.type}"
        if scheme == "BIOES":
            single = entity.end - entity.start == 1
            tags[entity.end - 1] = f"{'S' if single else 'E'}-{entity.type}"
        last, last_type = entity.end, entity.type
    return tags


def convert(tags: Sequence[str], source: Scheme, target: Scheme = "IOB2") -> list[str]:
    """Return the same entities in another scheme; fragments that form no entity become ``O``.

    Raises:
        ValueError: if a tag is no tag of ``source``.
    """
    return from_entities(entities(tags, source), len(tags), target)
