"""Sentences that captions share: which text was scored, how it overlaps with training, what the brackets mean."""

from __future__ import annotations

from finkd.corpora.wording import counted
from finkd.reports.sections import Section

SAMPLE_NOTICE = "Figures from finkd's own sample corpus: they show that the program runs, not how good a model is."


def corpus_notes(section: Section) -> list[str]:
    """Say corpus, split, support and overlap; the sample notice comes first where it applies."""
    scores = section.records[0].scores
    words = f" in {counted(scores.words, 'word')}" if scores.words else ""
    overlap = max(record.overlap for record in section.records)
    return [
        *([SAMPLE_NOTICE] if section.sample else []),
        f"Corpus {section.corpus}, {section.split} split{_looked_at(section)}, "
        f"{counted(scores.micro.gold, 'gold entity')}{words}.",
        f"{overlap:.1%} of the scored sentences also stand in the training split."
        if overlap
        else "No scored sentence also stands in the training split.",
    ]


def _looked_at(section: Section) -> str:
    """Say that scores of a validation split have been looked at while finkd was developed."""
    return " (development: scores here have been looked at before)" if section.split == "validation" else ""


def seed_note(section: Section) -> str:
    """Return what ± and the bracket mean, and which seeds stand behind them."""
    seeds = sorted({record.seed for record in section.records})
    return (
        f"Scores are means ± sample standard deviation over seeds, with their number in brackets "
        f"({'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))})."
    )


def hard_name_notes(section: Section) -> list[str]:
    """Return what names-only and unseen F1 count, as far as any record has them."""
    names = next((record.scores.names_only for record in section.records if record.scores.names_only), None)
    unseen = next((record.scores.unseen for record in section.records if record.scores.unseen), None)
    notes = []
    if names is not None:
        are = "is a name" if names.gold == 1 else "are names"
        notes.append(
            f"Names-only F1: of the {counted(names.gold, 'entity')} that {are}, "
            "without the words for roles (such as Borrower) that the corpus tags too."
        )
    if unseen is not None:
        notes.append(
            f"Unseen F1: of the {counted(unseen.gold, 'entity')} with a word that the training split does not hold, "
            "and of what is predicted with such a word."
        )
    return notes


def reference_name(section: Section) -> str:
    """Return the name of the student that others are compared with, marked as the best one where none is named."""
    assert section.reference is not None
    chosen = "" if section.has_named_reference else ", the best student,"
    return f"{section.reference.name}{chosen}"
