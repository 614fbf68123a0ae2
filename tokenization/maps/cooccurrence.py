"""A space in which the entries of two vocabularies can be compared: the words that they occur near."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from finkd.corpora.errors import ConfigError
from finkd.tokenization.tokenizer import Longs, Tokenizer
from finkd.tokenization.trainers.counting import count_words

Floats = npt.NDArray[np.float32]

_WORD = re.compile(r"\w+|[^\w\s]")
_PAIRS = 1 << 21


@dataclass(frozen=True)
class Space:
    """Settings of a co-occurrence space.

    Attributes:
        words: most frequent words that entries are looked for in.
        contexts: most frequent words that count as contexts.
        window: words to the left and to the right that count as near.
        dimensions: columns that are kept of the decomposition.
    """

    words: int = 50_000
    contexts: int = 2000
    window: int = 3
    dimensions: int = 100

    def vectors(self, tokenizers: Sequence[Tokenizer], texts: Iterable[str]) -> list[Floats]:
        """(vocabulary, at most dimensions) unit vectors for each tokenizer; zero for entries that the text never shows.

        Words near each word are counted; an entry has the counts of all words that are cut with it. Positive pointwise
        mutual information is projected on the leading right singular vectors of all vocabularies' entries together
        (Levy and Goldberg, NIPS 2014), so entries of different vocabularies can be compared. No random number is drawn.

        Args:
            tokenizers: of the vocabularies.
            texts: read twice, so a list or anything else that can be read again.

        Raises:
            ConfigError: if the texts can be read only once, or hold no word.
        """
        if iter(texts) is texts:
            raise ConfigError("neighbours: texts can be read only once (expected a list, or what can be read twice)")
        fold = all(tokenizer.lowercases for tokenizer in tokenizers)
        counted = count_words(" ".join(words) for words in _sentences(texts, fold)).counts
        ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[: self.words]
        if not ranked:
            raise ConfigError("neighbours: no word in the texts; check the corpus that was given")
        words = [word for word, _ in ranked]
        near = self._near({word: place for place, word in enumerate(words)}, _sentences(texts, fold))
        blocks = [_cut_words(tokenizer, words) @ near for tokenizer in tokenizers]
        projected = _project(_positive_information(sparse.vstack(blocks, format="csr")), self.dimensions)
        borders = np.cumsum([block.shape[0] for block in blocks])[:-1]
        return np.split(projected, borders)

    def _near(self, places: dict[str, int], sentences: Iterator[list[str]]) -> sparse.csr_array:
        """(words, contexts) how often each context stands near each word."""
        shape = (len(places), min(self.contexts, len(places)))
        total = sparse.csr_array(shape, dtype=np.float64)
        waiting: list[Longs] = []
        size = 0
        for sentence in sentences:
            ids = np.fromiter((places.get(word, -1) for word in sentence), np.int64, len(sentence))
            for distance in range(1, min(self.window, len(ids) - 1) + 1):
                for word, context in ((ids[:-distance], ids[distance:]), (ids[distance:], ids[:-distance])):
                    kept = (word >= 0) & (context >= 0) & (context < shape[1])
                    waiting.append(word[kept] * shape[1] + context[kept])
                    size += len(waiting[-1])
            if size > _PAIRS:
                total, waiting, size = total + _counted(waiting, shape), [], 0
        return sparse.csr_array(total + _counted(waiting, shape))


def _sentences(texts: Iterable[str], fold: bool) -> Iterator[list[str]]:
    for text in texts:
        yield _WORD.findall(text.lower() if fold else text)


def _counted(keys: list[Longs], shape: tuple[int, int]) -> sparse.csr_array:
    distinct, counts = np.unique(np.concatenate([np.zeros(0, np.int64), *keys]), return_counts=True)
    return sparse.csr_array((counts.astype(np.float64), np.divmod(distinct, shape[1])), shape=shape)


def _cut_words(tokenizer: Tokenizer, words: Sequence[str]) -> sparse.csr_array:
    """(vocabulary, words) how often each entry occurs in each word, read as if a space came before it."""
    encodings = tokenizer.backend.encode_batch([f" {word}" for word in words], add_special_tokens=False)
    counts = np.fromiter(map(len, encodings), np.int64, len(encodings))
    tokens = np.array([token for encoding in encodings for token in encoding.ids], np.int64)
    word = np.repeat(np.arange(len(words)), counts)
    kept = tokens != tokenizer.special_ids.get("unk", -1)
    ones = np.ones(int(kept.sum()))
    return sparse.csr_array((ones, (tokens[kept], word[kept])), shape=(len(tokenizer), len(words)))


def _positive_information(counts: sparse.csr_array) -> sparse.csr_array:
    """max(0, log(n_ec n / (n_e n_c))) of (entries, contexts) counts."""
    table = counts.tocoo()
    rows, columns = table.coords
    by_entry, by_context = (np.asarray(counts.sum(axis=axis)).ravel() for axis in (1, 0))
    information = np.log(table.data * by_context.sum() / (by_entry[rows] * by_context[columns]))
    kept = information > 0
    return sparse.csr_array((information[kept], (rows[kept], columns[kept])), shape=counts.shape)


def _project(table: sparse.csr_array, dimensions: int) -> Floats:
    """(entries, dimensions) unit rows: U S of the truncated decomposition, by way of the small matrix of contexts."""
    size = table.shape[1]
    gram = (table.T @ table).toarray()
    kept = min(dimensions, size)
    _, axes = linalg.eigh(gram, subset_by_index=(size - kept, size - 1))
    projected = table @ axes
    lengths = np.linalg.norm(projected, axis=1, keepdims=True)
    unit: Floats = np.divide(projected, lengths, out=np.zeros_like(projected), where=lengths > 0).astype(np.float32)
    return unit
