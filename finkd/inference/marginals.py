"""Probabilities of entities: the share of all IOB2 sequences of a sentence in which an entity stands as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from finkd.corpora.sentence import Entity
from finkd.corpora.tags import OUTSIDE
from finkd.inference.grammar import Floats, Ints, finite, grammar

_LEAST = 1e-300


def sequence_loss(
    scores: Sequence[npt.NDArray[np.float32]], labels: Sequence[str], tags: Sequence[Sequence[str]]
) -> float:
    """Compute the mean negative log-likelihood of a word's part in the gold sequence, among all legal sequences.

    Args:
        scores: per sentence, (words, labels) logits; a row of NaN is a word without a token, which is left out.
        labels: IOB2 label of each column.
        tags: per sentence, the gold IOB2 tags.

    Example:
        >>> logits = [np.log(np.float32([[0.2, 0.8, 1e-9], [0.5, 1e-9, 0.5]]))]
        >>> round(sequence_loss(logits, ("O", "B-ORG", "I-ORG"), [["B-ORG", "I-ORG"]]), 3)  # -log(.444) / 2
        0.405
    """
    rows = sorted(range(len(scores)), key=lambda row: -len(scores[row]))
    places = {label: place for place, label in enumerate(labels)}
    covered = ~np.isnan(np.concatenate([scores[row][:, 0] for row in rows]))
    gold = np.array([places[tag] for row in rows for tag in _readable(tags[row], scores[row])], np.int64)
    lattice = _Lattice.of([scores[row] for row in rows], labels)
    path = np.log(np.maximum(lattice.shares[np.arange(len(gold)), gold], _LEAST))[covered].sum()
    return float((_sums(lattice)[2].sum() - path) / max(1, covered.sum()))


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
    lattice = _Lattice.of([scores[row] for row in rows], labels)
    before, after, whole = _sums(lattice)
    begins, inside = (np.log(np.maximum(each, _LEAST)) for each in (lattice.begins, lattice.inside))
    numbers = grammar(tuple(labels)).numbers
    result: list[list[float]] = [[] for _ in found]
    for place, row in enumerate(rows):
        for entity in found[row]:
            start, last = (lattice.first[place] + word for word in (entity.start, entity.end - 1))
            kind = numbers[entity.type]
            path = begins[start, kind] + inside[start + 1 : last + 1, kind].sum()
            result[row].append(float(np.exp(min(0.0, before[start] + path + after[last] - whole[place]))))
    return result


def _readable(tags: Sequence[str], scores: npt.NDArray[np.float32]) -> list[str]:
    """The tags of a sentence in which words without a token are O, and what such a word cuts off begins anew."""
    found: list[str] = []
    for tag, covered in zip(tags, ~np.isnan(scores[:, 0]), strict=True):
        is_cut = tag.startswith("I-") and (not found or found[-1][2:] != tag[2:])
        found.append(OUTSIDE if not covered else f"B-{tag[2:]}" if is_cut else tag)
    return found


@dataclass(frozen=True)
class _Lattice:
    """What the sums over the sequences of some sentences read, the longest sentence first.

    Attributes:
        shares: (words, labels) softmax probabilities.
        begins: (words, types) of these, the shares of ``B-`` of each type.
        inside: (words, types) those of ``I-``.
        rest: (words,) share of all labels but ``I-``.
        first: (sentences,) row of each sentence's first word.
        counts: (sentences,) words of each.
    """

    shares: Floats
    begins: Floats
    inside: Floats
    rest: Floats
    first: Ints
    counts: Ints

    @classmethod
    def of(cls, scores: Sequence[npt.NDArray[np.float32]], labels: Sequence[str]) -> _Lattice:
        logits, rules = finite(scores, labels), grammar(tuple(labels))
        shares = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
        shares /= shares.sum(axis=1, keepdims=True)
        counts = np.array([len(each) for each in scores], np.int64)
        begins, inside = (np.where(columns < 0, 0.0, shares[:, columns]) for columns in (rules.begins, rules.goes_on))
        rest = shares[:, ~rules.continues].sum(axis=1)
        return cls(shares, begins, inside, rest, np.cumsum(counts) - counts, counts)


def _sums(lattice: _Lattice) -> tuple[Floats, Floats, Floats]:
    """Sum the probabilities of legal sequences, from both ends of all sentences at once.

    Returns:
        logarithms: (words,) of the sequences of the words before each word; (words,) of those after it that begin with
        no ``I-``; (sentences,) of all sequences.
    """
    alive = len(lattice.counts) - np.searchsorted(
        lattice.counts[::-1], np.arange(lattice.counts.max(initial=0)), side="right"
    )
    borders = np.concatenate(([0], np.cumsum(alive)))
    step = np.repeat(np.arange(len(alive)), alive)
    sentence = np.arange(len(step)) - borders[step]
    last = lattice.first + lattice.counts - 1
    at = np.stack((lattice.first[sentence] + step, last[sentence] - step))
    begins, inside, rest = lattice.begins[at], lattice.inside[at], lattice.rest[at]
    # An entity is entered with B- and left after I- from the left, and the other way round from the right.
    enters, leaves = np.stack((begins[0], inside[1])), np.stack((inside[0], begins[1]))
    totals = np.empty(rest.shape)
    going_on = np.zeros((2, len(lattice.first), begins.shape[2]))  # sequences within an entity, of those so far
    for start, end in pairwise(borders.tolist()):
        inner = going_on[:, : end - start]
        total = np.maximum(rest[:, start:end] + np.add.reduce(leaves[:, start:end] * inner, axis=2), _LEAST)
        going_on = (enters[:, start:end] + inside[:, start:end] * inner) / total[:, :, None]
        totals[:, start:end] = total
    logs = np.empty(totals.shape)
    logs[np.arange(2)[:, None], at] = np.log(totals)
    left, right = np.cumsum(logs, axis=1)
    words = np.repeat(np.arange(len(last)), lattice.counts)
    before = left - logs[0]
    before -= before[lattice.first[words]]
    after = right[last[words]] - right
    has_words = lattice.counts > 0
    whole = np.zeros(len(last))
    whole[has_words] = (before + logs[0])[last[has_words]]
    return before, after, whole
