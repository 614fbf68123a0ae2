"""Baselines that tag without a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from finkd.corpora.registry import Registry
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import entities

Tags = list[list[str]]
Baseline = Callable[[Sequence[Sentence], Sequence[Sentence]], Tags]

baselines: Registry[Baseline] = Registry(
    "baselines",
    {
        "dictionary": ("finkd.evaluation.baselines:dictionary", "the training entities, longest match, commonest type"),
        "two-words": ("finkd.evaluation.baselines:two_words", "sec-filings' roles: Borrower and Lender are PER"),
    },
)


def dictionary(train: Sequence[Sentence], test: Sequence[Sentence]) -> Tags:
    """Tag every surface that is an entity in ``train``, longest first, with its most frequent type."""
    seen: dict[tuple[str, ...], Counter[str]] = {}
    for sentence in train:
        for entity in entities(sentence.tags or ()):
            seen.setdefault(sentence.words[entity.start : entity.end], Counter())[entity.type] += 1
    # Ties between types are broken by name, so that the order of the corpus has no effect.
    types = {surface: min(counts, key=lambda name: (-counts[name], name)) for surface, counts in seen.items()}
    return [_match(sentence.words, types) for sentence in test]


def two_words(train: Sequence[Sentence], test: Sequence[Sentence]) -> Tags:
    """Tag "Borrower" and "Lender" as PER: this beats large models on FIN3, where roles are labelled."""
    types: dict[tuple[str, ...], str] = {("Borrower",): "PER", ("Lender",): "PER"}
    return [_match(sentence.words, types) for sentence in test]


def _match(words: Sequence[str], types: Mapping[tuple[str, ...], str]) -> list[str]:
    longest = max(map(len, types), default=0)
    tags = ["O"] * len(words)
    start = 0
    while start < len(words):
        for size in range(min(longest, len(words) - start), 0, -1):
            kind = types.get(tuple(words[start : start + size]))
            if kind is not None:
                tags[start : start + size] = [f"B-{kind}", *[f"I-{kind}"] * (size - 1)]
                start += size
                break
        else:
            start += 1
    return tags
