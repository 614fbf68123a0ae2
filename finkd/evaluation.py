"""Strict entity scores: whole sentences through windows, words by their first piece, entities read as strict IOB2.

The counts are those of seqeval's strict mode, for types whose names seqeval reads as they are: it strips hyphens, so
that ``ORG-`` and ``ORG`` are one type to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from corpora.errors import DataError
from corpora.sentence import Sentence
from corpora.tags import entities
from corpora.wording import counted
from finkd.decoding import decode
from finkd.examples import WINDOW, Encoded, windows_and_pieces
from finkd.inference import word_logits
from finkd.interruption import current_interrupt
from finkd.models import Model
from finkd.records import Counts, NerScores
from tokenization.tokenizer import Tokenizer

Tags = list[list[str]]
Scores = npt.NDArray[np.float32]


class Runs(Protocol):
    """A tagger that another program than PyTorch runs."""

    @property
    def tokenizer(self) -> Tokenizer:
        """Its tokenizer."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Label of each output."""

    @property
    def max_length(self) -> int:
        """Pieces that it reads at most."""

    def word_logits(self, encoded: Encoded) -> Scores:
        """(words, labels) scores of every word, at its first piece; NaN for words that no piece covers."""


Tagger = Model | Runs
"""Whatever tags words."""


_CELLS = 2**23
"""Label scores that are held at once: 32 MB of them."""


def sentence_logits(
    sentences: Sequence[Sentence], model: Tagger, limit: int = WINDOW, precision: str = "fp32"
) -> Iterator[Scores]:
    """Label scores of every word, computed in blocks, so that text of any length and any number of labels fits.

    Yields:
        per sentence, (words, labels) float32; NaN for words that no piece covers.

    Raises:
        DataError: if the model scores a word with infinity or NaN.
    """
    for block in _blocks(sentences, len(model.labels)):
        yield from _block_logits(block, model, limit, precision)


def _blocks(sentences: Sequence[Sentence], labels: int) -> Iterator[Sequence[Sentence]]:
    """Stretches of sentences with at most ``_CELLS`` label scores, or a single sentence."""
    start = cells = 0
    for index, sentence in enumerate(sentences):
        more = len(sentence.spans) * labels
        if cells + more > _CELLS and index > start:
            yield sentences[start:index]
            start, cells = index, 0
        cells += more
    yield sentences[start:]


def _block_logits(sentences: Sequence[Sentence], model: Tagger, limit: int, precision: str) -> list[Scores]:
    windows, encoded = windows_and_pieces(sentences, model.tokenizer, min(limit, model.max_length))
    result = [np.full((len(s.spans), len(model.labels)), np.nan, np.float32) for s in sentences]
    if not windows:
        return result
    current_interrupt()(len(encoded.pieces.ids))
    scores = _word_logits(model, encoded, precision)
    for row, window in enumerate(windows):
        first, last = window.kept
        start = encoded.word_rows[row]
        at = window.offset + first
        result[window.source][at : at + last - first] = scores[start + first : start + last]
    return result


def _word_logits(model: Tagger, encoded: Encoded, precision: str) -> Scores:
    """The scores of words, whatever runs the tagger.

    Raises:
        DataError: if those of a covered word are not finite: finite weights can overflow on the way to them, and NaN
            would be read as a word that no token covers.
    """
    if isinstance(model, Model):
        scores = np.asarray(word_logits(model, encoded, precision))
    else:
        scores = model.word_logits(encoded)
    covered = encoded.first >= 0
    if wrong := int((~np.isfinite(scores[covered]).all(axis=1)).sum()):
        raise DataError(
            f"model {model.tokenizer.name!r}: the scores of {wrong:,} of {counted(int(covered.sum()), 'word')} are "
            "infinite or not a number; fetch, train or export it again"
        )
    return scores


def predict(sentences: Sequence[Sentence], model: Tagger, limit: int = WINDOW) -> tuple[Tags, int]:
    """IOB2 tags of every word, and the number of words that the tokenizer covers with no piece (they are O).

    Raises:
        DataError: if the model scores a word with infinity or NaN.
    """
    tags: Tags = []
    uncovered = 0
    for block in _blocks(sentences, len(model.labels)):
        scores = _block_logits(block, model, limit, "fp32")
        tags += decode(scores, model.labels)
        uncovered += sum(int(np.isnan(each).any(axis=1).sum()) for each in scores)
    return tags, uncovered


def score(
    sentences: Sequence[Sentence],
    predicted: Tags,
    types: Sequence[str],
    roles: Collection[str] = (),
    uncovered: int = 0,
    known: Collection[str] = (),
) -> NerScores:
    """Count entities whose border and type are both right; both sides are read as strict IOB2 (``corpora.tags``).

    Args:
        sentences: gold; every one must have tags.
        predicted: one tag per word.
        types: entity types, in the order of the report; types that only the prediction has follow them.
        roles: lower-cased surfaces that a corpus labels although they are roles, not names (see
            ``NerScores.names_only``).
        uncovered: words without a piece, for the record.
        known: lower-cased words of the training split (see ``NerScores.unseen``).

    Raises:
        ValueError: if a sentence has no gold tags or another number of words than its prediction, or a tag is none.
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
    documents = document_names(sentences)
    for index, (sentence, tags) in enumerate(zip(sentences, predicted, strict=True)):
        true, guess = set(entities(sentence.tags or ())), set(entities(tags))
        document = documents[index]
        for place, group in enumerate((true & guess, guess, true)):
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
    )


def document_names(sentences: Sequence[Sentence]) -> list[str]:
    """Each sentence's document; one without a document is its own, called by its number and never like a document."""
    taken = {sentence.document for sentence in sentences}
    found = []
    for index, sentence in enumerate(sentences):
        name = sentence.document or f"sentence {index}"
        while not sentence.document and name in taken:
            name += "'"
        found.append(name)
    return found


def known_words(sentences: Iterable[Sentence]) -> frozenset[str]:
    """The lower-cased words of some sentences."""
    return frozenset(word.lower() for sentence in sentences for word in sentence.words)


def evaluate(
    sentences: Sequence[Sentence],
    model: Tagger,
    types: Sequence[str],
    roles: Collection[str] = (),
    known: Collection[str] = (),
    limit: int = WINDOW,
) -> NerScores:
    """Strict scores of a model on labelled sentences; see ``score``."""
    predicted, uncovered = predict(sentences, model, limit)
    return score(sentences, predicted, types, roles, uncovered, known)
