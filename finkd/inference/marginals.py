"""Probabilities of entities: the share of all IOB2 sequences of a sentence in which an entity stands as it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from finkd.corpora.sentence import Entity
from finkd.inference.grammar import Floats, Ints, by_word, finite, grammar

Words = Sequence[tuple[int, Ints]]

_LEAST = 1e-300


def entity_probabilities(
    scores: Sequence[npt.NDArray[np.float32]], labels: Sequence[str], found: Sequence[Sequence[Entity]]
) -> list[list[float]]:
    """Compute how probable each entity is, with its borders and its type, among all legal sequences.

    The probability of a sequence of labels is the product of its words' softmax probabilities, over the sum of that
    product for all IOB2 sequences. Sums over sequences are computed by the forward-backward algorithm (Rabiner 1989,
    section III.A), in time and memory that grow with words times labels.

    Args:
        scores: per sentence, (words, labels) logits; a row of NaN is a word without a token, which is O.
        labels: IOB2 label of each column.
        found: per sentence, entities without overlap, as ``decode`` gives them.

    Returns:
        per sentence, the probability of each entity, from 0 to 1.

    Example:
        >>> logits = [np.log(np.float32([[0.2, 0.8, 1e-9], [0.5, 1e-9, 0.5]]))]
        >>> ((probability,),) = entity_probabilities(logits, ("O", "B-ORG", "I-ORG"), [[Entity(0, 2, "ORG")]])
        >>> round(probability, 3)  # .8 * .5 of .9: I-ORG cannot follow O
        0.444
    """
    rows = sorted((row for row, entities in enumerate(found) if entities), key=lambda row: -len(scores[row]))
    logits, rules = finite([scores[row] for row in rows], labels), grammar(tuple(labels))
    shares = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    shares /= shares.sum(axis=1, keepdims=True)
    counts = np.array([len(scores[row]) for row in rows], np.int64)
    first = np.cumsum(counts) - counts
    words = list(by_word(first, counts))
    begins, inside = (_of_types(shares, columns) for columns in (rules.begins, rules.goes_on))
    rest = shares[:, ~rules.continues].sum(axis=1)
    before, whole = _forward(begins, inside, rest, words)
    after = _backward(begins, inside, rest, words)
    logs = [np.log(np.maximum(each, _LEAST)) for each in (begins, inside)]
    result: list[list[float]] = [[] for _ in found]
    for place, row in enumerate(rows):
        for entity in found[row]:
            start, last = first[place] + entity.start, first[place] + entity.end - 1
            kind = rules.numbers[entity.type]
            path = logs[0][start, kind] + logs[1][start + 1 : last + 1, kind].sum()
            result[row].append(float(np.exp(min(0.0, before[start] + path + after[last] - whole[place]))))
    return result


def _of_types(shares: Floats, columns: Ints) -> Floats:
    """Return (words, types) shares of a label of each type, 0 for types that lack it."""
    return np.where(columns < 0, 0.0, shares[:, columns])


def _forward(begins: Floats, inside: Floats, rest: Floats, words: Words) -> tuple[Floats, Floats]:
    """Sum the legal sequences of the words before each word, and of whole sentences.

    Args:
        begins: (words, types) shares of ``B-``.
        inside: (words, types) shares of ``I-``.
        rest: (words,) share of all labels but ``I-``.
        words: of all sentences (``by_word``).

    Returns:
        (words,) and (sentences,) logarithms.
    """
    before, whole = np.zeros(len(rest)), np.zeros(len(words[0][1]) if words else 0)
    open_types = np.zeros((len(whole), begins.shape[1]))
    for alive, at in words:
        before[at] = whole[:alive]
        going_on = inside[at] * open_types[:alive]
        total = np.maximum(rest[at] + going_on.sum(axis=1), _LEAST)
        open_types[:alive] = (begins[at] + going_on) / total[:, None]
        whole[:alive] += np.log(total)
    return before, whole


def _backward(begins: Floats, inside: Floats, rest: Floats, words: Words) -> Floats:
    """Return (words,) logarithms of the sum of the legal sequences after each word that begin with no ``I-``."""
    after, found = np.zeros(len(rest)), np.zeros(len(words[0][1]) if words else 0)
    going_on = np.zeros((len(found), begins.shape[1]))  # of the next word, over its sequences without I-
    for alive, at in reversed(words):
        after[at] = found[:alive]
        total = np.maximum(rest[at] + (begins[at] * going_on[:alive]).sum(axis=1), _LEAST)
        going_on[:alive] = inside[at] * (1 + going_on[:alive]) / total[:, None]
        found[:alive] += np.log(total)
    return after
