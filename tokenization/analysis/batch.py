"""Texts of one batch, concatenated, with their words, entities and bootstrap blocks as flat arrays."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from finkd.corpora.errors import DataError
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import entities
from finkd.tokenization.alignment import word_rows
from finkd.tokenization.analysis.words import Kinds, Points, kinds, split
from finkd.tokenization.tokens import Longs

BLOCKS = 64
LONGEST = 50_000
_BATCH_CHARACTERS = 150_000
_BATCH_TEXTS = 512
_GAP = "\0"


@dataclass(frozen=True)
class TextBatch:
    """A batch of texts in one coordinate: concatenated, with one character between two.

    Attributes:
        texts: the texts.
        joined: all of them, each followed by a NUL.
        points: (characters,) code points of ``joined``.
        bases: (texts,) where each text begins.
        blocks: (texts,) the block that each is resampled in, below ``BLOCKS``.
        starts: (words,) first character of each word.
        ends: (words,) character after its last one.
        rows: (texts + 1,) borders of the texts in ``starts`` and ``ends``.
        entities: (entities, 3) first word, word after the last one, and number of the type.
    """

    texts: Sequence[str]
    joined: str
    points: Points
    bases: Longs
    blocks: Longs
    starts: Longs
    ends: Longs
    rows: Longs
    entities: Longs

    @cached_property
    def kinds(self) -> Kinds:
        """(characters,) what each character is."""
        return kinds(self.points)

    @cached_property
    def runs(self) -> tuple[Longs, Longs]:
        """Starts and ends of the words that :func:`~finkd.tokenization.analysis.words.split` finds in every text.

        In labelled text, words follow the annotators; numbers and dates are looked for in these.
        """
        return split(self.points, self.kinds)

    @cached_property
    def word_blocks(self) -> Longs:
        """(words,) block of each word."""
        return np.repeat(self.blocks, np.diff(self.rows))

    def blocks_at(self, starts: Longs) -> Longs:
        """Return the blocks of the texts in which some characters stand."""
        return self.blocks[np.searchsorted(self.bases, starts, side="right") - 1]


def of_texts(texts: Sequence[str]) -> TextBatch:
    """Make a batch of raw texts, whose words are found by kind of character.

    Raises:
        DataError: if a text holds half a surrogate pair, which no tokenizer reads.
    """
    joined, points, bases = _lay_out(texts)
    every = kinds(points)
    starts, ends = split(points, every)
    rows = np.append(np.searchsorted(starts, bases), len(starts))
    blocks = np.array([block_of(text) for text in texts], np.int64)
    batch = TextBatch(texts, joined, points, bases, blocks, starts, ends, rows, np.zeros((0, 3), np.int64))
    vars(batch).update(kinds=every, runs=(starts, ends))  # what the cached properties would compute again
    return batch


def of_sentences(sentences: Sequence[Sentence], types: dict[str, int]) -> TextBatch:
    """Make a batch of sentences with the words and entities that they come with.

    Args:
        sentences: labelled or not.
        types: entity type -> number; types not met before are added.

    Raises:
        DataError: if a text holds half a surrogate pair.
    """
    texts = [sentence.text for sentence in sentences]
    joined, points, bases = _lay_out(texts)
    starts, ends, rows = word_rows([sentence.spans for sentence in sentences])
    shift = np.repeat(bases, np.diff(rows))
    found = [
        (first + entity.start, first + entity.end, types.setdefault(entity.type, len(types)))
        for first, sentence in zip(rows.tolist(), sentences, strict=False)
        for entity in entities(sentence.tags or ())
    ]
    blocks = np.array([block_of(sentence.document or sentence.text) for sentence in sentences], np.int64)
    labelled = np.array(found, np.int64).reshape(-1, 3)
    return TextBatch(texts, joined, points, bases, blocks, starts + shift, ends + shift, rows, labelled)


def batches(items: Iterable[Sentence | str], types: dict[str, int]) -> Iterator[TextBatch]:
    """Group sentences, and raw texts in parts of at most ``LONGEST`` characters, into batches of bounded size."""
    held: list[Sentence | str] = []
    size = 0
    for item in items:
        for part in split_long(item) if isinstance(item, str) else (item,):
            held.append(part)
            size += len(part) if isinstance(part, str) else len(part.text)
            if size >= _BATCH_CHARACTERS or len(held) >= _BATCH_TEXTS:
                yield from _made(held, types)
                held, size = [], 0
    yield from _made(held, types)


def split_long(text: str, longest: int = LONGEST) -> Iterator[str]:
    """Split a text into parts of at most ``longest`` characters, after white space where there is any.

    Memory grows with the longest text that is tokenized at once, and no model reads so long a text anyway.
    """
    start = 0
    while len(text) - start > longest:
        end = start + longest
        while end > start and not text[end - 1].isspace():
            end -= 1
        end = end if end > start else start + longest
        yield text[start:end]
        start = end
    yield text[start:]


def block_of(name: str) -> int:
    """Return the block of a document (or of a text without one), the same on every machine."""
    return zlib.crc32(name.encode("utf-8", "surrogatepass")) % BLOCKS


def _made(held: Sequence[Sentence | str], types: dict[str, int]) -> Iterator[TextBatch]:
    """Make one batch of the raw texts and one of the sentences, whichever there are."""
    texts = [item for item in held if isinstance(item, str)]
    sentences = [item for item in held if not isinstance(item, str)]
    if texts:
        yield of_texts(texts)
    if sentences:
        yield of_sentences(sentences, types)


def _lay_out(texts: Sequence[str]) -> tuple[str, Points, Longs]:
    joined = "".join(text + _GAP for text in texts)
    try:
        points = np.frombuffer(joined.encode("utf-32-le"), np.uint32)
    except UnicodeEncodeError as error:
        raise DataError(
            f"analyze: found half a surrogate pair (U+{ord(joined[error.start]):04X}) in a text; "
            "expected whole characters"
        ) from error
    lengths = np.fromiter((len(text) + 1 for text in texts), np.int64, len(texts))
    return joined, points, np.concatenate(([0], np.cumsum(lengths)))[:-1]
