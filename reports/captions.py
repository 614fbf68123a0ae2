"""Sentences that captions share: which text was scored, how it overlaps with training, what the brackets mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from finkd.corpora.wording import counted
from finkd.records import HELD_OUT
from finkd.reports.sections import Section
from finkd.scores import Counts, NerScores

SAMPLE_NOTICE = "Figures from finkd's own sample corpus: they show that the program runs, not how good a model is."
_REMARKS = {
    "validation": " (development: scores here have been looked at before)",
    HELD_OUT: " (the teacher's tags stand for gold: F1 is agreement with it)",
}
"""What a reader of scores has to know of a split."""


def corpus_notes(section: Section) -> list[str]:
    """Say corpus, split, support and overlap; the sample notice comes first where it applies."""
    gold = gold_entities(section, lambda scores: scores.micro) or 0
    words = _total(section, lambda scores: scores.words)
    among = f" in {counted(words, 'word')}" if words else ""
    overlap = max(record.overlap for record in section.records)
    return [
        *([SAMPLE_NOTICE] if section.sample else []),
        f"Corpus {section.corpus}, {part(section)}, {counted(gold, 'gold entity')}{among}.",
        f"{overlap:.1%} of the scored sentences also stand in the training split."
        if overlap
        else "No scored sentence also stands in the training split.",
    ]


def part(section: Section) -> str:
    """Return what was scored."""
    if section.parts is None:
        return f"{section.split} split{_REMARKS.get(section.split, '')}"
    return f"{section.split} split in {section.parts} parts, of which each seed learns all but the one it is scored on"


def gold_entities(section: Section, counts: Callable[[NerScores], Counts | None]) -> int | None:
    """Return the number of gold entities that some counts are of, as ``_total`` does."""
    return _total(section, lambda scores: None if (found := counts(scores)) is None else found.gold)


def _total(section: Section, number: Callable[[NerScores], int | None]) -> int | None:
    """Return a number of what was scored, by the first record that has it; with folds, the sum over all of them."""
    found: dict[int, int] = {}
    for record in section.records:
        if (value := number(record.scores)) is not None:
            found.setdefault(record.seed if section.parts else 0, value)
    return sum(found.values()) if found else None


def seed_note(section: Section) -> str:
    """Return what ± and the bracket mean, and which seeds stand behind them."""
    seeds = sorted({record.seed for record in section.records})
    which = f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"
    if section.parts:
        return (
            "Micro-F1 is that of all folds together, other scores are means over folds; ± is the sample standard "
            f"deviation between folds, whose number stands in brackets ({which})."
        )
    return f"Scores are means ± sample standard deviation over seeds, with their number in brackets ({which})."


def hard_name_notes(section: Section) -> list[str]:
    """Return what names-only and unseen F1 count, as far as any record has them."""
    names = gold_entities(section, lambda scores: scores.names_only)
    unseen = gold_entities(section, lambda scores: scores.unseen)
    notes = []
    if names is not None:
        are = "is a name" if names == 1 else "are names"
        notes.append(
            f"Names-only F1: of the {counted(names, 'entity')} that {are}, "
            "without the words for roles (such as Borrower) that the corpus tags too."
        )
    if unseen is not None:
        learned = "the text that was learned from" if section.parts else "the training split"
        notes.append(
            f"Unseen F1: of the {counted(unseen, 'entity')} with a word that {learned} does not hold, "
            "and of what is predicted with such a word."
        )
    return notes


def reference_name(section: Section) -> str:
    """Return the name of the student that others are compared with, marked as the best one where none is named."""
    assert section.reference is not None
    chosen = "" if section.has_named_reference else ", the best student,"
    return f"{section.reference.name}{chosen}"


def trainings(seeds: Iterable[int]) -> str:
    """Return what a caption adds where comparisons have one seed: they compare models, not recipes; else nothing.

    Args:
        seeds: number of seeds of each comparison.
    """
    numbers = set(seeds)
    which = "one training each" if numbers == {1} else "some of one training each"
    said = f" ({which}: models are compared, not recipes; what another seed would give is not in it)"
    return said if 1 in numbers else ""
