"""Extractive baselines: the first turns, and TextRank."""

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
    """Return the first three turns with their speakers."""
    return " ".join(line.strip() for line in dialogue.text.splitlines()[:_SENTENCES])


def textrank(dialogue: Dialogue) -> str:
    """Return the three most central sentences in their order (TextRank, Mihalcea and Tarau 2004).

    Similarity is the cosine of tf-idf vectors; sentences are spaCy's, each with the speaker of its turn.
    """
    found = _sentences(dialogue.text)
    if len(found) <= _SENTENCES:
        return " ".join(found)
    try:
        vectors = TfidfVectorizer().fit_transform(found)
    except ValueError:  # no sentence holds a word
        return " ".join(found[:_SENTENCES])
    similarity = np.asarray((vectors @ vectors.T).todense())
    np.fill_diagonal(similarity, 0)
    total = similarity.sum(axis=1, keepdims=True)
    step = np.divide(similarity, total, out=np.full_like(similarity, 1 / len(found)), where=total > 0)
    rank = np.full(len(found), 1 / len(found))
    for _ in range(_ROUNDS):
        rank = (1 - _DAMPING) / len(found) + _DAMPING * rank @ step
    return " ".join(found[place] for place in sorted(np.argsort(-rank, kind="stable")[:_SENTENCES]))


def _sentences(text: str) -> list[str]:
    """Split all turns into sentences, each with its speaker."""
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
"""Name -> function from a dialogue to a summary."""
