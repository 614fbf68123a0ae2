"""Summaries that need no weights: the beginning, and the sentences that most others are like."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import spacy
from sklearn.feature_extraction.text import TfidfVectorizer
from spacy.language import Language

from finkd.corpora.tasks.dialogues import Dialogue

_SPEAKER = re.compile(r"^\s*(#?[\w .'-]{1,40}#?)\s*:\s*")
_SENTENCES = 3
_DAMPING = 0.85
_ROUNDS = 100


def lead(dialogue: Dialogue) -> str:
    """Its first three turns, with their speakers."""
    return " ".join(line.strip() for line in dialogue.text.splitlines()[:_SENTENCES])


def textrank(dialogue: Dialogue) -> str:
    """The three sentences that most others are like, in their order (Mihalcea and Tarau 2004).

    Likeness is the cosine of tf-idf vectors; sentences are spaCy's, each with the speaker of its turn.
    """
    found = _sentences(dialogue.text)
    if len(found) <= _SENTENCES:
        return " ".join(found)
    try:
        vectors = TfidfVectorizer().fit_transform(found)
    except ValueError:  # no sentence holds a word
        return " ".join(found[:_SENTENCES])
    likeness = np.asarray((vectors @ vectors.T).todense())
    np.fill_diagonal(likeness, 0)
    best = sorted(np.argsort(-_rank(likeness), kind="stable")[:_SENTENCES])
    return " ".join(found[place] for place in best)


def _rank(likeness: np.ndarray) -> np.ndarray:
    """(sentences,) how often a reader who follows likeness comes by."""
    total = likeness.sum(axis=1, keepdims=True)
    step = np.divide(likeness, total, out=np.full_like(likeness, 1 / len(likeness)), where=total > 0)
    rank = np.full(len(likeness), 1 / len(likeness))
    for _ in range(_ROUNDS):
        rank = (1 - _DAMPING) / len(likeness) + _DAMPING * rank @ step
    return rank


def _sentences(text: str) -> list[str]:
    """Sentences of all turns, each with its speaker."""
    nlp = _splitter()
    found = []
    for line in text.splitlines():
        speaker = _SPEAKER.match(line)
        said = line[speaker.end() :] if speaker else line
        prefix = f"{speaker.group(1)}: " if speaker else ""
        found += [prefix + sentence.text.strip() for sentence in nlp(said).sents if sentence.text.strip()]
    return found


@cache
def _splitter() -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    return nlp


BASELINES: Mapping[str, Callable[[Dialogue], str]] = {"lead-3": lead, "TextRank": textrank}
"""Name -> function that writes a summary."""
