"""Tag the words of sentences: label scores through overlapping windows, then the best IOB2 tag sequence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from finkd.corpora.errors import DataError
from finkd.corpora.sentence import Sentence
from finkd.corpora.wording import counted
from finkd.data.encoding import WINDOW, Encoded, windows_and_tokens
from finkd.inference.interruption import current_interrupt
from finkd.inference.prediction import word_logits
from finkd.inference.viterbi import decode
from finkd.models.model import Model
from finkd.tokenization.tokenizer import Tokenizer

Tags = list[list[str]]


SelectedLogits = npt.NDArray[np.float32]


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
        """Tokens that it reads at most."""

    def word_logits(self, encoded: Encoded) -> SelectedLogits:
        """(words, labels) scores of every word, at its first token; NaN for words that no token covers."""


Tagger = Model | Runs
"""Whatever tags words."""


_CELLS = 2**23
"""Label scores that are held at once: 32 MB of them."""


def sentence_logits(
    sentences: Sequence[Sentence], model: Tagger, limit: int = WINDOW, precision: str = "fp32"
) -> Iterator[SelectedLogits]:
    """Label scores of every word, computed in blocks, so that text of any length and any number of labels fits.

    Yields:
        per sentence, (words, labels) float32; NaN for words that no token covers.

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


def _block_logits(sentences: Sequence[Sentence], model: Tagger, limit: int, precision: str) -> list[SelectedLogits]:
    windows, encoded = windows_and_tokens(sentences, model.tokenizer, min(limit, model.max_length))
    result = [np.full((len(s.spans), len(model.labels)), np.nan, np.float32) for s in sentences]
    if not windows:
        return result
    current_interrupt()(len(encoded.tokens.ids))
    scores = _word_logits(model, encoded, precision)
    for row, window in enumerate(windows):
        first, last = window.kept
        start = encoded.word_rows[row]
        at = window.offset + first
        result[window.source][at : at + last - first] = scores[start + first : start + last]
    return result


def _word_logits(model: Tagger, encoded: Encoded, precision: str) -> SelectedLogits:
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
    """IOB2 tags of every word, and the number of words that the tokenizer covers with no token (they are O).

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
