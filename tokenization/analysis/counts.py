"""Count tokens per word, number and entity under several tokenizers, batch by batch; only sums are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from finkd.corpora.sentence import Sentence
from finkd.tokenization.analysis.batch import BLOCKS, LONGEST, TextBatch, batches
from finkd.tokenization.analysis.examples import Numbers, Texts
from finkd.tokenization.analysis.word_counter import WordCounter
from finkd.tokenization.analysis.word_types import NUMBERS, SHAPES, Spans, find, shapes, spelled
from finkd.tokenization.analysis.words import Bools
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokens import Longs, Tokens

STRETCHES, TOKENS, CONTINUED, WHOLE, LOST, CHARACTERS = range(6)
MEASURES = 6


class Tally:
    """Counts of stretches (words, numbers, entity words) by group and block; new groups are appended.

    Attributes:
        sums: (blocks, groups, measures): stretches, tokens that touch them, stretches of two tokens or more, whole
            stretches, stretches that no token touches, and their characters.
    """

    def __init__(self, groups: int = 0) -> None:
        self.sums = np.zeros((BLOCKS, groups, MEASURES), np.int64)

    def add(self, blocks: Longs, groups: Longs, tokens: Longs, whole: Bools, characters: Longs) -> None:
        """Count some stretches.

        Args:
            blocks: (stretches,) block of each.
            groups: (stretches,) group of each.
            tokens: (stretches,) tokens that touch it.
            whole: (stretches,) True for those that are one known token.
            characters: (stretches,) its length.
        """
        if not len(groups):
            return
        missing = int(groups.max()) + 1 - self.sums.shape[1]
        if missing > 0:
            self.sums = np.pad(self.sums, ((0, 0), (0, missing), (0, 0)))
        width = self.sums.shape[1]
        place = blocks * width + groups
        for measure, amount in (
            (STRETCHES, None),
            (TOKENS, tokens),
            (CONTINUED, tokens > 1),
            (WHOLE, whole),
            (LOST, tokens == 0),
            (CHARACTERS, characters),
        ):
            counts = np.bincount(place, weights=amount, minlength=BLOCKS * width).astype(np.int64)
            self.sums[:, :, measure] += counts.reshape(BLOCKS, width)

    def group(self, index: int) -> Longs:
        """Return the (blocks, measures) sums of one group; zeros for one that never occurred."""
        if index >= self.sums.shape[1]:
            return np.zeros((BLOCKS, MEASURES), np.int64)
        return self.sums[:, index]

    @property
    def total(self) -> Longs:
        """(blocks, measures) sums over all groups."""
        found: Longs = self.sums.sum(axis=1)
        return found


class TokenIndex:
    """The tokens of a batch, counted by character.

    A token touches ``[start, end)`` if it starts before ``end`` and ends behind ``start``, and a token that ends before
    ``start`` also starts before ``end``. So two running counts answer every question with two look-ups.

    Args:
        tokens: of the batch's texts.
        batch: where the texts lie.
        unknown: (tokens,) True for tokens that are the unknown token.
    """

    def __init__(self, tokens: Tokens, batch: TextBatch, unknown: Bools) -> None:
        base = np.repeat(batch.bases, np.diff(tokens.rows))
        covering = tokens.ends > tokens.starts
        self.starts = (tokens.starts + base)[covering]
        self.ends = (tokens.ends + base)[covering]
        size = len(batch.points)
        self._started, self._ended = _running(self.starts, size), _running(self.ends, size)
        hidden = unknown[covering]
        self._hidden = _running(self.starts[hidden], size), _running(self.ends[hidden], size)

    def touching(self, starts: Longs, ends: Longs) -> Longs:
        """Count the tokens that share a character with each stretch."""
        return self._started[ends] - self._ended[starts + 1]

    def known(self, starts: Longs, ends: Longs) -> Bools:
        """Flag the stretches that no unknown token touches."""
        started, ended = self._hidden
        found: Bools = started[ends] - ended[starts + 1] == 0
        return found

    def inside(self, borders: Longs) -> Bools:
        """Flag the borders between two characters that fall inside a token."""
        return self._started[borders] - self._ended[borders + 1] > 0


def _running(places: Longs, size: int) -> Longs:
    """Return for each of (size + 2,) indices how many of the places are smaller."""
    return np.concatenate(([0], np.cumsum(np.bincount(places, minlength=size + 1))))


class Side:
    """The sums of one tokenizer.

    Attributes:
        words: words by shape.
        numbers: numbers by kind.
        entity_words: words of entities by type.
        entities: entities by type, whole if all their words are.
        borders: (blocks, types, 2) starts and ends of entities, and those that fall inside a token.
        tokens: (blocks,) tokens, special tokens included.
        over: (blocks,) texts of more tokens than the limit.
        lengths: (longest + 1,) texts of each length.
        counts: (blocks, entries) occurrences of each entry, special tokens around texts left out.
    """

    def __init__(self, tokenizer: Tokenizer, limit: int) -> None:
        self.tokenizer = tokenizer
        self.limit = limit
        self.words, self.numbers = Tally(len(SHAPES)), Tally(len(NUMBERS))
        self.entity_words, self.entities = Tally(), Tally()
        self.borders = np.zeros((BLOCKS, 0, 2), np.int64)
        self.tokens, self.over = np.zeros(BLOCKS, np.int64), np.zeros(BLOCKS, np.int64)
        self.lengths = np.zeros(1, np.int64)
        self.counts = np.zeros((BLOCKS, len(tokenizer)), np.int32)

    def add(self, batch: TextBatch, tokens: Tokens, shape: Longs, spans: Spans, types: int) -> Longs:
        """Count the tokens of a batch.

        Returns:
            (words,) tokens of each word.
        """
        unknown = tokens.ids == self.tokenizer.special_ids.get("unk", -1)
        index = TokenIndex(tokens, batch, unknown)
        self._count_texts(tokens, batch)
        touching = index.touching(batch.starts, batch.ends)
        whole = (touching == 1) & index.known(batch.starts, batch.ends)
        characters = batch.ends - batch.starts
        self.words.add(batch.word_blocks, shape, touching, whole, characters)
        inside = index.touching(spans.starts, spans.ends)
        known = (inside == 1) & index.known(spans.starts, spans.ends)
        self.numbers.add(batch.blocks_at(spans.starts), spans.groups, inside, known, spans.ends - spans.starts)
        if len(batch.entities):
            self._count_entities(batch, index, touching, whole, types)
        return touching

    def _count_texts(self, tokens: Tokens, batch: TextBatch) -> None:
        lengths = np.diff(tokens.rows)
        self.tokens += np.bincount(batch.blocks, weights=lengths, minlength=BLOCKS).astype(np.int64)
        self.over += np.bincount(batch.blocks[lengths > self.limit], minlength=BLOCKS)
        found = np.bincount(lengths, minlength=len(self.lengths))
        found[: len(self.lengths)] += self.lengths
        self.lengths = found
        kept = ~tokens.framing
        blocks = np.repeat(batch.blocks, lengths)[kept]
        np.add.at(self.counts.reshape(-1), blocks * self.counts.shape[1] + tokens.ids[kept], 1)

    def _count_entities(self, batch: TextBatch, index: TokenIndex, touching: Longs, whole: Bools, types: int) -> None:
        first, after, type_ = batch.entities.T
        sizes = after - first
        words = np.repeat(first - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
        characters = batch.ends - batch.starts
        self.entity_words.add(
            batch.word_blocks[words], np.repeat(type_, sizes), touching[words], whole[words], characters[words]
        )
        starts, ends, blocks = batch.starts[first], batch.ends[after - 1], batch.word_blocks[first]
        broken = np.concatenate(([0], np.cumsum(~whole)))
        intact = broken[after] == broken[first]
        self.entities.add(blocks, type_, index.touching(starts, ends), intact, ends - starts)
        self.borders = np.pad(self.borders, ((0, 0), (0, types - self.borders.shape[1]), (0, 0)))
        for places in (starts, ends):
            np.add.at(self.borders, (blocks, type_, 0), 1)
            np.add.at(self.borders, (blocks, type_, 1), index.inside(places))


class Accumulator:
    """One text under all tokenizers.

    Attributes:
        sides: one for each tokenizer.
        types: entity type -> its number in the sums.
        texts: (blocks,) texts.
        characters: of all texts.
        split: texts that were split into parts.
        counter: distinct words of letters alone.
        drawn: some texts.
        written: some numbers of each kind.
    """

    def __init__(self, tokenizers: Sequence[Tokenizer], limit: int, examples: int) -> None:
        self.sides = [Side(tokenizer, limit) for tokenizer in tokenizers]
        self.types: dict[str, int] = {}
        self.texts = np.zeros(BLOCKS, np.int64)
        self.characters = self.split = 0
        self.counter = WordCounter(len(tokenizers))
        self.drawn, self.written = Texts(examples), Numbers()

    @property
    def words(self) -> int:
        """Words in all texts."""
        return int(self.sides[0].words.sums[:, :, STRETCHES].sum())

    @property
    def entities(self) -> int:
        """Labelled entities in all texts."""
        return int(self.sides[0].entities.sums[:, :, STRETCHES].sum())

    def add(self, items: Iterable[Sentence | str]) -> None:
        """Count sentences or raw texts, which are read once and not kept.

        Raises:
            DataError: if a text holds half a surrogate pair.
        """
        with ThreadPoolExecutor(1) as thread:  # tokenizes the next batch while this one is counted
            before: tuple[TextBatch, Future[list[Tokens]]] | None = None
            for batch in batches(self._watched(items), self.types):
                tokens = thread.submit(lambda texts: [side.tokenizer.encode(texts) for side in self.sides], batch.texts)
                if before is not None:
                    self._add(before[0], before[1].result())
                before = batch, tokens
            if before is not None:
                self._add(before[0], before[1].result())

    def _watched(self, items: Iterable[Sentence | str]) -> Iterator[Sentence | str]:
        """Pass the items on, counting the texts that are split."""
        for item in items:
            self.split += isinstance(item, str) and len(item) > LONGEST
            yield item

    def _add(self, batch: TextBatch, tokens_of: Sequence[Tokens]) -> None:
        self.texts += np.bincount(batch.blocks, minlength=BLOCKS)
        self.characters += len(batch.joined) - len(batch.texts)
        shape, spans = shapes(batch), find(batch)
        pairs = zip(self.sides, tokens_of, strict=True)
        touching = [side.add(batch, tokens, shape, spans, len(self.types)) for side, tokens in pairs]
        words = np.flatnonzero(spelled(batch))
        borders = zip(batch.starts[words].tolist(), batch.ends[words].tolist(), strict=True)
        extra = np.stack([np.maximum(tokens[words] - 1, 0) for tokens in touching], axis=1)
        self.counter.add([batch.joined[start:end] for start, end in borders], extra)
        self.drawn.add(batch)
        self.written.add(batch, spans)
