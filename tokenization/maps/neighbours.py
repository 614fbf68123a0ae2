"""Entries that occur in the same contexts: a co-occurrence space of two vocabularies, and the map by nearness in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import PositiveInt
from scipy import linalg, sparse

from finkd.corpora.errors import ConfigError
from finkd.tokenization.maps.exact import Exact
from finkd.tokenization.maps.vocabulary_map import Doubles, VocabularyMap, from_pairs, same_roles
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokens import Longs
from finkd.tokenization.trainers.counting import count_words

_BLOCK = 1024
Floats = npt.NDArray[np.float32]

_WORD = re.compile(r"\w+|[^\w\s]")
_PAIRS = 1 << 21


@dataclass(frozen=True)
class Cooccurrences:
    """A space in which entries of several vocabularies lie by the words that occur near them.

    Attributes:
        nearest: number of entries considered as neighbours of each other one.
        words: most frequent words that entries are looked for in.
        contexts: most frequent words that count as contexts.
        window: words to the left and to the right that count as near.
        dimensions: columns that are kept of the decomposition.
    """

    nearest: PositiveInt = 50
    words: PositiveInt = 50_000
    contexts: PositiveInt = 2000
    window: PositiveInt = 3
    dimensions: PositiveInt = 100

    def vectors(self, tokenizers: Sequence[Tokenizer], texts: Iterable[str]) -> list[Floats]:
        """Return (vocabulary, dimensions) unit vectors for each tokenizer; zero for entries that do not occur.

        Words near each word are counted; an entry has the counts of all words that contain it. Positive pointwise
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
        blocks = [_counts_in_words(tokenizer, words) @ near for tokenizer in tokenizers]
        projected = _project(_positive_information(sparse.vstack(blocks, format="csr")), self.dimensions)
        borders = np.cumsum([block.shape[0] for block in blocks])[:-1]
        return np.split(projected, borders)

    def _near(self, places: dict[str, int], sentences: Iterator[list[str]]) -> sparse.csr_array:
        """Return the (words, contexts) how often each context stands near each word."""
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


@dataclass(frozen=True)
class Neighbours(Cooccurrences):
    """Equal entries, and for each other one a sparse mean of teacher entries that occur near the same words.

    After FOCUS (Dobler and de Melo, EMNLP 2023, arXiv 2305.14481): sparsemax of the cosine similarities to the entries
    of the overlap. There the space is fastText on the student's tokens; here it is counted on the text (``vectors``),
    holds both vocabularies, and is the same every time.
    """

    needs_text: ClassVar[bool] = True

    def __call__(self, teacher: Tokenizer, student: Tokenizer, texts: Iterable[str] = ()) -> VocabularyMap:
        """Map the vocabularies; rows hold a single one, up to ``nearest`` neighbours, or nothing without an occurrence.

        Raises:
            ConfigError: if the texts can be read only once, or hold no word.
        """
        theirs, ours = self.vectors([teacher, student], texts)
        equal = Exact().equal(teacher, student)
        pairs = {**equal, **same_roles(teacher, student)}
        candidates = np.array(sorted(set(equal.values())), np.int64)
        candidates = candidates[theirs[candidates].any(axis=1)]
        missing = np.setdiff1d(np.flatnonzero(ours.any(axis=1)), list(pairs))
        rows, columns, weights = _combine(ours, missing, theirs, candidates, self.nearest)
        return from_pairs(
            np.concatenate((np.fromiter(pairs.keys(), np.int64, len(pairs)), rows)),
            np.concatenate((np.fromiter(pairs.values(), np.int64, len(pairs)), columns)),
            np.concatenate((np.ones(len(pairs)), weights)),
            teacher,
            student,
        )


def _sentences(texts: Iterable[str], fold: bool) -> Iterator[list[str]]:
    for text in texts:
        yield _WORD.findall(text.lower() if fold else text)


def _counted(keys: list[Longs], shape: tuple[int, int]) -> sparse.csr_array:
    distinct, counts = np.unique(np.concatenate([np.zeros(0, np.int64), *keys]), return_counts=True)
    return sparse.csr_array((counts.astype(np.float64), np.divmod(distinct, shape[1])), shape=shape)


def _counts_in_words(tokenizer: Tokenizer, words: Sequence[str]) -> sparse.csr_array:
    """Return the (vocabulary, words) how often each entry occurs in each word, read as if a space came before it."""
    encodings = tokenizer.backend.encode_batch([f" {word}" for word in words], add_special_tokens=False)
    counts = np.fromiter(map(len, encodings), np.int64, len(encodings))
    tokens = np.array([token for encoding in encodings for token in encoding.ids], np.int64)
    word = np.repeat(np.arange(len(words)), counts)
    kept = tokens != tokenizer.special_ids.get("unk", -1)
    ones = np.ones(int(kept.sum()))
    return sparse.csr_array((ones, (tokens[kept], word[kept])), shape=(len(tokenizer), len(words)))


def _positive_information(counts: sparse.csr_array) -> sparse.csr_array:
    """Compute max(0, log(n_ec n / (n_e n_c))) of (entries, contexts) counts."""
    table = counts.tocoo()
    rows, columns = table.coords
    by_entry, by_context = (np.asarray(counts.sum(axis=axis)).ravel() for axis in (1, 0))
    information = np.log(table.data * by_context.sum() / (by_entry[rows] * by_context[columns]))
    kept = information > 0
    return sparse.csr_array((information[kept], (rows[kept], columns[kept])), shape=counts.shape)


def _project(table: sparse.csr_array, dimensions: int) -> Floats:
    """Return (entries, dimensions) unit rows: U S of the truncated decomposition, by the small matrix of contexts."""
    size = table.shape[1]
    gram = (table.T @ table).toarray()
    kept = min(dimensions, size)
    _, axes = linalg.eigh(gram, subset_by_index=(size - kept, size - 1))
    projected = table @ axes
    lengths = np.linalg.norm(projected, axis=1, keepdims=True)
    unit: Floats = np.divide(projected, lengths, out=np.zeros_like(projected), where=lengths > 0).astype(np.float32)
    return unit


def sparsemax(scores: Doubles) -> Doubles:
    """Return the nearest point of the simplex to each row (Martins and Astudillo, ICML 2016, algorithm 1).

    Args:
        scores: (rows, columns).

    Returns:
        (rows, columns), non-negative, rows summing to one.
    """
    falling = -np.sort(-scores, axis=1)
    sums = np.cumsum(falling, axis=1)
    places = np.arange(1, scores.shape[1] + 1)
    support = (1 + places * falling > sums).sum(axis=1)
    threshold = (sums[np.arange(len(scores)), support - 1] - 1) / support
    shares: Doubles = np.maximum(scores - threshold[:, None], 0.0)
    return shares


def _combine(
    ours: Floats, missing: Longs, theirs: Floats, candidates: Longs, nearest: int
) -> tuple[Longs, Longs, Doubles]:
    """Return the (student entry, teacher entry, weight) of the nearest candidates of each missing entry."""
    found: list[tuple[Longs, Longs, Doubles]] = []
    kept = min(nearest, len(candidates))
    for start in range(0, len(missing) if kept else 0, _BLOCK):
        block = missing[start : start + _BLOCK]
        cosines = (ours[block] @ theirs[candidates].T).astype(np.float64)
        near = np.argpartition(-cosines, kept - 1, axis=1)[:, :kept]
        weights = sparsemax(np.take_along_axis(cosines, near, axis=1))
        row, column = np.nonzero(weights)
        found.append((block[row], candidates[near[row, column]], weights[row, column]))
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    rows, columns, shares = zip(*found, strict=True)
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(shares)
