"""Tables of the errors of a tagger, beside those of another one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from finkd.corpora.sentence import Entity, Sentence
from finkd.corpora.tags import entities
from finkd.corpora.wording import counted
from finkd.evaluation.error_analysis import KINDS, Mistake, Reading, by_group, mistakes, surface
from finkd.reports.table import Cell, Column, Table, label, number, plain
from finkd.scores import Counts

_NOTHING = "–"
Group = Callable[[int, Entity], str]
"""What group an entity of a sentence, given by its number, belongs to."""


@dataclass(frozen=True)
class Errors:
    """What the tables and the page are made of.

    Attributes:
        corpus: name of the corpus.
        split: the split that was read.
        sentences: with gold tags.
        readings: of one tagger or two; the first one is looked at, the other is what it is compared with.
        frequency: how often each entity, by its lower-cased words, stands in the training split.
    """

    corpus: str
    split: str
    sentences: Sequence[Sentence]
    readings: Sequence[Reading]
    frequency: Mapping[str, int]

    def mistakes(self, reading: Reading) -> list[list[Mistake]]:
        """Return the mistakes of a tagger in each sentence."""
        gold = (entities(each.tags or ()) for each in self.sentences)
        return [mistakes(true, found) for true, found in zip(gold, reading.found, strict=True)]

    def tokens(self, row: int, entity: Entity) -> int:
        """Count the tokens of an entity in the first tagger's vocabulary."""
        return sum(self.readings[0].tokens[row][entity.start : entity.end])

    def is_split(self, row: int, entity: Entity) -> bool:
        """Return whether a word of an entity has several tokens for the first tagger, and one for the other."""
        if len(self.readings) == 1 or not all(reading.tokens for reading in self.readings):
            return False
        ours, theirs = (reading.tokens[row][entity.start : entity.end] for reading in self.readings)
        return any(one > 1 == other for one, other in zip(ours, theirs, strict=True))

    @property
    def groups(self) -> Mapping[str, Group]:
        """Properties of entities by which they are counted."""

        def times(row: int, entity: Entity) -> str:
            return _range(self.frequency.get(surface(self.sentences[row], entity), 0), (0, 1, 5))

        def tokens(row: int, entity: Entity) -> str:
            return _range(self.tokens(row, entity), (1, 2, 4))

        def words(row: int, entity: Entity) -> str:
            return _range(len(self.sentences[row].spans), (10, 20, 40))

        found = {"times in the training split": times, "tokens": tokens, "words of the sentence": words}
        if not self.readings[0].tokens:
            del found["tokens"]
        return found


def _range(value: int, ends: Sequence[int]) -> str:
    """Return the range in which a number lies, of those that end at some: ``"2"``, ``"3 to 5"``, ``"6 and more"``."""
    begin = min(ends[0], 1)
    for end in ends:
        if value <= end:
            return str(end) if begin == end else f"{begin} to {end}"
        begin = end + 1
    return f"{begin} and more"


def tables(errors: Errors) -> list[Table]:
    """Return the tables: kinds of errors, what one tagger finds and the other does not, types, groups of entities."""
    found = [_kinds(errors)]
    if len(errors.readings) > 1:
        found.append(_changes(errors))
    return [*found, _confusion(errors), _groups(errors)]


def _kinds(errors: Errors) -> Table:
    headings = ("Tagger", "Right", *(kind.capitalize() for kind in KINDS), "Precision", "Recall", "F1")
    rows = []
    for reading in errors.readings:
        counts = _counts(errors, reading)
        kinds = Counter(each.kind for some in errors.mistakes(reading) for each in some)
        scores = (counts.precision, counts.recall, counts.f1)
        rows.append(
            (
                label(reading.name),
                number(counts.correct),
                *(number(kinds[kind]) for kind in KINDS),
                *(number(each, 3) for each in scores),
            )
        )
    gold = _counts(errors, errors.readings[0]).gold
    notes = (
        f"{errors.corpus}, {errors.split} split: {counted(len(errors.sentences), 'sentence')}, "
        f"{counted(gold, 'gold entity', 'gold entities')}.",
        "Border: other words, the right type. Type: the right words, another type. Invented: no gold entity is there.",
    )
    return _table("kinds", "Kinds of errors", headings, rows, notes)


def _changes(errors: Errors) -> Table:
    ours, theirs = errors.readings
    right = [_right(errors, reading) for reading in (ours, theirs)]
    types = sorted({entity.type for each in errors.sentences for entity in entities(each.tags or ())})
    sets = {
        "both": right[0] & right[1],
        f"only {ours.name}": right[0] - right[1],
        f"only {theirs.name}": right[1] - right[0],
        "neither": _gold(errors) - right[0] - right[1],
    }
    rows = [
        (label(name), *(number(sum(entity.type == kind for _, entity in some)) for kind in types), number(len(some)))
        for name, some in sets.items()
    ]
    notes = ("Gold entities by who finds them as they are.",)
    return _table("changes", "Found by", ("Found by", *types, "All"), rows, notes)


def _confusion(errors: Errors) -> Table:
    reading = errors.readings[0]
    pairs: Counter[tuple[str, str]] = Counter()
    for some in errors.mistakes(reading):
        for each in some:
            pairs[each.gold.type if each.gold else _NOTHING, each.found.type if each.found else _NOTHING] += 1
    for _, entity in _right(errors, reading):
        pairs[entity.type, entity.type] += 1
    types = [*sorted({name for pair in pairs for name in pair} - {_NOTHING}), _NOTHING]
    rows = [(label(true), *(number(pairs[true, found]) for found in types)) for true in types]
    notes = (
        f"Rows: gold. Columns: what {reading.name} finds there. {_NOTHING}: nothing.",
        "The right type with other words counts as the right type.",
    )
    return _table("confusion", f"Types: {reading.name}", ("Gold", *types), rows, notes)


def _groups(errors: Errors) -> Table:
    rows = []
    for about, group in errors.groups.items():
        counts = [by_group(errors.sentences, reading.found, group) for reading in errors.readings]
        for name in sorted({name for each in counts for name in each}, key=lambda name: int(name.split()[0])):
            found = [each.get(name, Counts(0, 0, 0)) for each in counts]
            rows.append((label(f"{about}: {name}"), number(found[0].gold), *(number(each.f1, 3) for each in found)))
    headings = ("Entities", "Gold", *(f"F1 of {reading.name}" for reading in errors.readings))
    notes = (f"Tokens: in the vocabulary of {errors.readings[0].name}. Times: of the same words, whatever their case.",)
    return _table("groups", "Kinds of entities", headings, rows, notes)


def _table(
    name: str, title: str, headings: Sequence[str], rows: Sequence[tuple[Cell, ...]], notes: tuple[str, ...]
) -> Table:
    columns = tuple(
        Column(plain(each.lower()), plain(each), "right" if place else "left") for place, each in enumerate(headings)
    )
    return Table(name, plain(title), tuple(map(plain, notes)), columns, tuple(rows))


def _gold(errors: Errors) -> set[tuple[int, Entity]]:
    return {(row, entity) for row, each in enumerate(errors.sentences) for entity in entities(each.tags or ())}


def _right(errors: Errors, reading: Reading) -> set[tuple[int, Entity]]:
    return _gold(errors) & {(row, entity) for row, found in enumerate(reading.found) for entity in found}


def _counts(errors: Errors, reading: Reading) -> Counts:
    return Counts(len(_right(errors, reading)), sum(map(len, reading.found)), len(_gold(errors)))
