"""Strict entity scores: whole sentences through windows, words by their first token, entities as strict IOB2.

The counts are those of seqeval's strict mode, except that seqeval strips hyphens, so that it takes ``ORG-`` and ``ORG``
for one type.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import entities
from finkd.corpora.wording import counted
from finkd.inference.tagger import AnyTagger, Tags, predict_with_scores
from finkd.scores import SCORE_GROUPS, Counts, NerScores, ScoreGroup


def score(
    sentences: Sequence[Sentence],
    predicted: Tags,
    types: Sequence[str],
    roles: Collection[str] = (),
    uncovered: int = 0,
    known: Collection[str] = (),
    probabilities: Sequence[Sequence[float]] = (),
) -> NerScores:
    """Count entities whose border and type are both right, with gold and prediction read as strict IOB2.

    Args:
        sentences: gold; every one must have tags.
        predicted: one tag per word.
        types: entity types, in the order of the report; types of the prediction alone follow them.
        roles: lower-cased surfaces that a corpus labels although they are roles (see ``NerScores.names_only``).
        uncovered: words without a token, for the record.
        known: lower-cased words of the training split (see ``NerScores.unseen``).
        probabilities: of each sentence's predicted entities, in order; empty for systems that give none.

    Raises:
        ValueError: if a sentence has no gold tags or another number of words than its prediction, or a tag is invalid.
    """
    for sentence, tags in zip(sentences, predicted, strict=True):
        if sentence.tags is None or len(tags) != len(sentence.spans):
            raise ValueError(
                f"score: {counted(len(tags), 'tag')} for {counted(len(sentence.spans), 'word')} in "
                f"{sentence.text[:60]!r}"
            )
    per_type: dict[str, list[int]] = {name: [0, 0, 0] for name in types}
    per_document: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    names, unseen = [0, 0, 0], [0, 0, 0]
    for sentence, tags, document in zip(sentences, predicted, document_names(sentences), strict=True):
        true, found = set(entities(sentence.tags or ())), set(entities(tags))
        for place, group in enumerate((true & found, found, true)):
            per_document[document][place] += len(group)
            for entity in group:
                per_type.setdefault(entity.type, [0, 0, 0])[place] += 1
                words = [word.lower() for word in sentence.words[entity.start : entity.end]]
                names[place] += " ".join(words) not in roles
                unseen[place] += any(word not in known for word in words)
    return NerScores(
        per_type={name: Counts(*row) for name, row in per_type.items()},
        names_only=Counts(*names) if roles else None,
        unseen=Counts(*unseen) if known else None,
        per_document={name: Counts(*row) for name, row in sorted(per_document.items())},
        words=sum(len(s.spans) for s in sentences),
        uncovered_words=uncovered,
        by_score=_by_score(sentences, predicted, probabilities) if probabilities else (),
    )


def _by_score(
    sentences: Sequence[Sentence], predicted: Tags, probabilities: Sequence[Sequence[float]]
) -> tuple[ScoreGroup, ...]:
    """Group predicted entities of neighbouring scores, the surest first; none if all are equally sure (of rules)."""
    scored = []
    for sentence, tags, scores in zip(sentences, predicted, probabilities, strict=True):
        true = set(entities(sentence.tags or ()))
        scored += [(score, entity in true) for entity, score in zip(entities(tags), scores, strict=True)]
    if len({round(score, 4) for score, _ in scored}) == 1 < len(scored):
        return ()
    scored.sort(key=lambda each: -each[0])  # by the score alone: among equal ones, the right ones do not come first
    groups = np.array_split(np.array(scored).reshape(-1, 2), min(len(scored), SCORE_GROUPS)) if scored else []
    return tuple(ScoreGroup(round(float(g[:, 0].mean()), 5), len(g), int(g[:, 1].sum())) for g in groups)


def document_names(sentences: Sequence[Sentence]) -> list[str]:
    """Return each sentence's document; a sentence without one is its own, with a unique name from its number."""
    taken = {sentence.document for sentence in sentences}
    found = []
    for index, sentence in enumerate(sentences):
        name = sentence.document or f"sentence {index}"
        while not sentence.document and name in taken:
            name += "'"
        found.append(name)
    return found


def known_words(sentences: Iterable[Sentence]) -> frozenset[str]:
    """Return the lower-cased words of some sentences."""
    return frozenset(word.lower() for sentence in sentences for word in sentence.words)


def evaluate(
    sentences: Sequence[Sentence],
    model: AnyTagger,
    types: Sequence[str],
    roles: Collection[str] = (),
    known: Collection[str] = (),
) -> NerScores:
    """Score a model on labelled sentences; see ``score``.

    Example:
        >>> import finkd
        >>> data = finkd.load_corpus("sample")
        >>> scores = finkd.evaluate(data.splits["test"][:10], finkd.load_model("tagger"), data.types)
        >>> scores.micro.gold > 0
        True
    """
    predicted, probabilities, uncovered = predict_with_scores(sentences, model)
    return score(sentences, predicted, types, roles, uncovered, known, probabilities)
