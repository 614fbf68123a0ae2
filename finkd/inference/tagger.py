"""Tag the words of sentences: word logits through overlapping windows, then the best IOB2 tag sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from finkd.corpora.errors import DataError
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import entities
from finkd.corpora.wording import counted
from finkd.data.encoding import WINDOW, Encoded, windows_and_tokens
from finkd.inference.interrupt import current_interrupt
from finkd.inference.marginals import entity_probabilities
from finkd.inference.viterbi import decode
from finkd.tokenization.tokenizer import Tokenizer

if TYPE_CHECKING:
    from finkd.models.model import Model
else:
    Model = Any  # whose module imports PyTorch, which a graph does not need

Tags = list[list[str]]
"""IOB2 tags of the words of each sentence."""


class Found(NamedTuple):
    """What was found in some sentences.

    Attributes:
        tags: of their words.
        probabilities: of each entity of each sentence, in order; empty for what gives none, such as a baseline.
        uncovered: words that no token covers, which are tagged O.
    """

    tags: Tags
    probabilities: Sequence[Sequence[float]] = ()
    uncovered: int = 0


TagFunction = Callable[[Sequence[Sentence]], Tags]
"""Function that tags sentences."""
Logits = npt.NDArray[np.float32]


class RuntimeTagger(Protocol):
    """Tagger in a runtime of its own."""

    @property
    def tokenizer(self) -> Tokenizer:
        """Its tokenizer."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Label of each output."""

    @property
    def max_length(self) -> int:
        """Most tokens of an input."""

    def word_logits(self, encoded: Encoded) -> Logits:
        """Compute (words, labels) logits at each word's first token; NaN for words that no token covers."""


Tagger = Model | RuntimeTagger


class SentenceTagger(Protocol):
    """Tagger that reads whole sentences in a way of its own, such as an ensemble."""

    @property
    def labels(self) -> tuple[str, ...]:
        """IOB2 label of each output."""

    def sentence_logits(self, sentences: Sequence[Sentence], precision: str) -> list[Logits]:
        """Compute (words, labels) logits of each sentence; NaN for words that it does not read."""


AnyTagger = Tagger | SentenceTagger

_CELLS = 2**23
"""Most word logits in memory at once: 32 MB."""


@dataclass(frozen=True)
class Running:
    """Tagger in one of the runtimes.

    Attributes:
        tagger: the tagger.
        bytes: of its weights in memory, or of the file that holds them.
    """

    tagger: Tagger
    bytes: int

    def read(self, sentences: Sequence[Sentence]) -> Tags:
        """Tag sentences."""
        return predict_tags(sentences, self.tagger)


def sentence_logits(sentences: Sequence[Sentence], model: AnyTagger, precision: str = "fp32") -> Iterator[Logits]:
    """Compute the label logits of every word, in blocks of bounded memory.

    Yields:
        per sentence, (words, labels) float32; NaN for words that no token covers.

    Raises:
        DataError: if a logit of the model is infinite or NaN.
    """
    for block in _blocks(sentences, len(model.labels)):
        yield from _block_logits(block, model, precision)


def _blocks(sentences: Sequence[Sentence], labels: int) -> Iterator[Sequence[Sentence]]:
    """Split sentences into blocks with at most ``_CELLS`` word logits, or a single sentence."""
    start = cells = 0
    for index, sentence in enumerate(sentences):
        more = len(sentence.spans) * labels
        if cells + more > _CELLS and index > start:
            yield sentences[start:index]
            start, cells = index, 0
        cells += more
    yield sentences[start:]


def _block_logits(sentences: Sequence[Sentence], model: AnyTagger, precision: str) -> list[Logits]:
    if hasattr(model, "sentence_logits"):
        return model.sentence_logits(sentences, precision)
    windows, encoded = windows_and_tokens(sentences, model.tokenizer, min(WINDOW, model.max_length))
    result = [np.full((len(s.spans), len(model.labels)), np.nan, np.float32) for s in sentences]
    if not windows:
        return result
    current_interrupt()(len(encoded.tokens.ids))
    if hasattr(model, "word_logits"):
        scores = model.word_logits(encoded)
    else:
        from finkd.inference.prediction import on_fastest_device, word_logits

        scores = np.asarray(word_logits(on_fastest_device(model), encoded, precision))
    covered = encoded.first >= 0
    # Finite weights can overflow on the way to the logits, and NaN would mark a word that no token covers.
    if wrong := int((~np.isfinite(scores[covered]).all(axis=1)).sum()):
        raise DataError(
            f"model {model.tokenizer.name!r}: the scores of {wrong:,} of {counted(int(covered.sum()), 'word')} are "
            "infinite or not a number; fetch, train or export it again"
        )
    for row, window in enumerate(windows):
        first, last = window.kept
        start = encoded.word_rows[row]
        at = window.offset + first
        result[window.source][at : at + last - first] = scores[start + first : start + last]
    return result


def predict_tags(sentences: Sequence[Sentence], model: AnyTagger) -> Tags:
    """Tag every word; words that no token covers are tagged O.

    Raises:
        DataError: if a logit of the model is infinite or NaN.
    """
    blocks = _blocks(sentences, len(model.labels))
    return [tags for block in blocks for tags in decode(_block_logits(block, model, "fp32"), model.labels)]


def predict_with_scores(sentences: Sequence[Sentence], model: AnyTagger) -> Found:
    """Tag every word as ``predict_tags`` does, and compute the probability of each entity of each sentence.

    Raises:
        DataError: if a logit of the model is infinite or NaN.
    """
    tags: Tags = []
    probabilities: list[list[float]] = []
    uncovered = 0
    for block in _blocks(sentences, len(model.labels)):
        scores = _block_logits(block, model, "fp32")
        found = decode(scores, model.labels)
        tags += found
        uncovered += sum(int(np.isnan(each).any(axis=1).sum()) for each in scores)
        probabilities += entity_probabilities(scores, model.labels, [entities(each) for each in found])
    return Found(tags, probabilities, uncovered)
