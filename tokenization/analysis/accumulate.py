"""Eats a text batch by batch under several tokenizers, and keeps nothing but counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from finkd.corpora.sentence import Sentence
from finkd.tokenization.analysis.batch import BLOCKS, LONGEST, Batch, batches
from finkd.tokenization.analysis.counter import WordCounter, word_keys
from finkd.tokenization.analysis.coverage import Coverage
from finkd.tokenization.analysis.numbers import NUMBERS, Spans, find
from finkd.tokenization.analysis.samples import Numbers, Texts
from finkd.tokenization.analysis.shapes import SHAPES, shapes, spelled
from finkd.tokenization.analysis.tally import STRETCHES, Tally
from finkd.tokenization.analysis.words import Bools
from finkd.tokenization.tokenizer import Longs, Tokenizer, Tokens


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

    def add(self, batch: Batch, tokens: Tokens, shape: Longs, spans: Spans, types: int) -> Longs:
        """Count the tokens of a batch.

        Returns:
            (words,) tokens of each word.
        """
        unknown = tokens.ids == self.tokenizer.special_ids.get("unk", -1)
        coverage = Coverage(tokens, batch, unknown)
        self._count_texts(tokens, batch)
        touching = coverage.touching(batch.starts, batch.ends)
        whole = (touching == 1) & coverage.known(batch.starts, batch.ends)
        characters = batch.ends - batch.starts
        self.words.add(batch.word_blocks, shape, touching, whole, characters)
        inside = coverage.touching(spans.starts, spans.ends)
        known = (inside == 1) & coverage.known(spans.starts, spans.ends)
        self.numbers.add(batch.blocks_at(spans.starts), spans.groups, inside, known, spans.ends - spans.starts)
        if len(batch.entities):
            self._count_entities(batch, coverage, touching, whole, types)
        return touching

    def _count_texts(self, tokens: Tokens, batch: Batch) -> None:
        lengths = np.diff(tokens.rows)
        self.tokens += np.bincount(batch.blocks, weights=lengths, minlength=BLOCKS).astype(np.int64)
        self.over += np.bincount(batch.blocks[lengths > self.limit], minlength=BLOCKS)
        found = np.bincount(lengths, minlength=len(self.lengths))
        found[: len(self.lengths)] += self.lengths
        self.lengths = found
        kept = ~tokens.framing
        blocks = np.repeat(batch.blocks, lengths)[kept]
        np.add.at(self.counts.reshape(-1), blocks * self.counts.shape[1] + tokens.ids[kept], 1)

    def _count_entities(self, batch: Batch, coverage: Coverage, touching: Longs, whole: Bools, types: int) -> None:
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
        self.entities.add(blocks, type_, coverage.touching(starts, ends), intact, ends - starts)
        self.borders = np.pad(self.borders, ((0, 0), (0, types - self.borders.shape[1]), (0, 0)))
        for places in (starts, ends):
            np.add.at(self.borders, (blocks, type_, 0), 1)
            np.add.at(self.borders, (blocks, type_, 1), coverage.inside(places))


class Accumulator:
    """One text under all tokenizers.

    Attributes:
        sides: one for each tokenizer.
        types: entity type -> its number in the sums.
        texts: (blocks,) texts.
        characters: of all texts.
        cut: texts that were taken in parts.
        counter: distinct words of letters alone.
        drawn: some texts.
        written: some numbers of each kind.
    """

    def __init__(self, tokenizers: Sequence[Tokenizer], limit: int, examples: int) -> None:
        self.sides = [Side(tokenizer, limit) for tokenizer in tokenizers]
        self.types: dict[str, int] = {}
        self.texts = np.zeros(BLOCKS, np.int64)
        self.characters = self.cut = 0
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

    def eat(self, items: Iterable[Sentence | str]) -> None:
        """Count sentences or raw texts, which are read once and not kept.

        Raises:
            DataError: if a text holds half a surrogate pair.
        """
        for batch, cut in self._cut_ahead(batches(self._watched(items), self.types)):
            self._add(batch, cut)

    def _cut_ahead(self, laid: Iterable[Batch]) -> Iterator[tuple[Batch, list[Tokens]]]:
        """Batches with the tokens of each tokenizer; the next batch is cut in a thread while this one is counted."""
        with ThreadPoolExecutor(1) as thread:
            before: tuple[Batch, Future[list[Tokens]]] | None = None
            for batch in laid:
                cut = thread.submit(self._cut, batch)
                if before is not None:
                    yield before[0], before[1].result()
                before = batch, cut
            if before is not None:
                yield before[0], before[1].result()

    def _cut(self, batch: Batch) -> list[Tokens]:
        return [side.tokenizer.encode(batch.texts) for side in self.sides]

    def _watched(self, items: Iterable[Sentence | str]) -> Iterator[Sentence | str]:
        for item in items:
            self.cut += isinstance(item, str) and len(item) > LONGEST
            yield item

    def _add(self, batch: Batch, cut: Sequence[Tokens]) -> None:
        self.texts += np.bincount(batch.blocks, minlength=BLOCKS)
        self.characters += len(batch.joined) - len(batch.texts)
        shape, spans = shapes(batch), find(batch)
        touching = [
            side.add(batch, tokens, shape, spans, len(self.types)) for side, tokens in zip(self.sides, cut, strict=True)
        ]
        words = np.flatnonzero(spelled(batch))
        starts, ends = batch.starts[words], batch.ends[words]
        extra = np.stack([np.maximum(tokens[words] - 1, 0) for tokens in touching], axis=1)
        self.counter.add(word_keys(batch, starts, ends), extra, lambda index: batch.joined[starts[index] : ends[index]])
        self.drawn.add(batch)
        self.written.add(batch, spans)
