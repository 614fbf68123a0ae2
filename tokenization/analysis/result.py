"""The result of an analysis as plain values, which reports read without a tokenizer."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from finkd.tokenization.analysis.examples import Fragments, NumberExample, TokenizedText

VERSION = 1
Origin = Literal["reference", "given", "trained"]


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % bootstrap interval over blocks of documents; no interval where there was one block."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Vocabulary:
    """One of the tokenizers that were compared.

    Attributes:
        name: different from all others of the analysis.
        algorithm: kind of its model, such as ``"wordpiece"``, or what it was trained with.
        origin: the ``"reference"`` is what the others are measured against, usually a teacher's.
        size: entries, special tokens included.
        lowercases: whether it drops case.
        embedding_parameters: size x columns of the embedding matrix.
        embedding_share: share of the encoder's weights that are token embeddings with this vocabulary in it; ``None``
            without an encoder.
    """

    name: str
    algorithm: str
    origin: Origin
    size: int
    lowercases: bool
    embedding_parameters: int
    embedding_share: float | None


@dataclass(frozen=True)
class Measured:
    """One of the texts that were measured.

    Attributes:
        name: of the corpus.
        part: which part of it, in words.
        texts: sentences of a labelled corpus, lines of raw text.
        words: as the corpus separates them, or else by kind of character.
        characters: of all texts.
        entities: labelled ones.
        blocks: groups of documents that the intervals were drawn over.
        cut: texts that were measured in parts because of their length.
        missed: a distinct word that the list of fragmented words does not know occurs at most this often.
    """

    name: str
    part: str
    texts: int
    words: int
    characters: int
    entities: int
    blocks: int
    cut: int
    missed: int


@dataclass(frozen=True)
class TokenCounts:
    """Tokens of one kind of stretch: words of a shape, numbers of a kind, entity words of a type.

    Attributes:
        name: the kind.
        count: stretches of it.
        tokens: tokens for each.
        continued: share of those in two tokens or more.
        whole: share of those that are one known token.
        characters: characters for each token.
    """

    name: str
    count: int
    tokens: Estimate
    continued: Estimate
    whole: Estimate
    characters: Estimate | None


@dataclass(frozen=True)
class EntityTokens:
    """Tokens of the entities of one type, or of all.

    Attributes:
        name: the type.
        count: entities.
        words: their words.
        fertility: tokens for each of these words.
        whole_words: share of these words that are one known token.
        whole_entities: share of the entities all of whose words are.
        borders_inside: share of the entities' starts and ends that fall inside a token, where no label can follow them.
    """

    name: str
    count: int
    words: int
    fertility: Estimate
    whole_words: Estimate
    whole_entities: Estimate
    borders_inside: Estimate


@dataclass(frozen=True)
class Profile:
    """Figures of one tokenizer on one text.

    Attributes:
        corpus: name of the text.
        tokenizer: name of the tokenizer.
        fertility: tokens per word.
        continued_words: share of words of two tokens or more.
        lost_words: share of words that no token covers, because normalising deletes them.
        unknown_rate: share of tokens that are the unknown token.
        mean_length: tokens per text, special tokens included.
        length_95: 95th percentile of the same.
        over_limit: share of texts that are longer than the limit.
        renyi_efficiency: see :func:`~finkd.tokenization.analysis.metrics.renyi_efficiency`.
        used_entries: entries that occur, special tokens left out.
        dead_entries: entries that do not.
        core_entries: the fewest entries that make 95 % of the tokens.
        flops_per_word: of the encoder's forward pass; ``None`` without an encoder.
        shapes: words by capitals, digits and signs.
        numbers: amounts, percentages, dates, tickers and plain numbers.
        entities: all entities; ``None`` if none is labelled.
        types: entities by type.
    """

    corpus: str
    tokenizer: str
    fertility: Estimate
    continued_words: Estimate
    lost_words: Estimate
    unknown_rate: Estimate
    mean_length: Estimate
    length_95: float
    over_limit: Estimate
    renyi_efficiency: Estimate | None
    used_entries: int
    dead_entries: int
    core_entries: int
    flops_per_word: Estimate | None
    shapes: tuple[TokenCounts, ...]
    numbers: tuple[TokenCounts, ...]
    entities: EntityTokens | None
    types: tuple[EntityTokens, ...]


@dataclass(frozen=True)
class TokenizerShift:
    """One tokenizer against the reference, on the same text.

    Attributes:
        corpus: name of the text.
        tokenizer: name of the tokenizer.
        length_ratio: its tokens per token of the reference, special tokens included.
        overlap: entries common to both vocabularies over the entries of either (Jaccard); special tokens left out.
        weighted_overlap: share of its tokens, as they occur, that the reference's vocabulary holds too.
        divergence: Jensen-Shannon divergence of the two token distributions in bits.
    """

    corpus: str
    tokenizer: str
    length_ratio: Estimate
    overlap: float
    weighted_overlap: Estimate
    divergence: Estimate


@dataclass(frozen=True)
class DomainShift:
    """One text against the first text, under the same tokenizer.

    Attributes:
        corpus: name of the text.
        tokenizer: name of the tokenizer.
        fertility_ratio: tokens per word here over those there.
        overlap: entries that occur in both texts over entries that occur in either (Jaccard).
        weighted_overlap: share of the tokens here, as they occur, that occur there at all.
        divergence: Jensen-Shannon divergence of the two token distributions in bits.
    """

    corpus: str
    tokenizer: str
    fertility_ratio: Estimate
    overlap: float
    weighted_overlap: Estimate
    divergence: Estimate


@dataclass(frozen=True)
class Curve:
    """Vocabularies of one algorithm in rising size, measured on one text.

    Attributes:
        corpus: name of the text.
        algorithm: what they were trained with.
        tokenizers: their names.
        sizes: their entries.
        fertility: of each.
        knee: size beyond which further entries buy less than the curve's average; ``None`` if there is no such bend.
    """

    corpus: str
    algorithm: str
    tokenizers: tuple[str, ...]
    sizes: tuple[int, ...]
    fertility: tuple[Estimate, ...]
    knee: int | None


@dataclass(frozen=True)
class Analysis:
    """Several tokenizers over several texts; the first of each is what the others are compared with.

    Attributes:
        limit: tokens that a model reads at once, special tokens included.
        vocabularies: the tokenizers.
        corpora: the texts.
        profiles: text by text, each under every tokenizer.
        tokenizer_shifts: text by text, every tokenizer but the first.
        domain_shifts: every text but the first, under each tokenizer.
        fragments: text by text, each under every tokenizer.
        numbers: some numbers of each kind and text.
        examples: some texts, drawn at random.
        curves: of the vocabularies that were trained for the analysis, where an algorithm has several sizes.
    """

    limit: int
    vocabularies: tuple[Vocabulary, ...]
    corpora: tuple[Measured, ...]
    profiles: tuple[Profile, ...]
    tokenizer_shifts: tuple[TokenizerShift, ...]
    domain_shifts: tuple[DomainShift, ...]
    fragments: tuple[Fragments, ...]
    numbers: tuple[NumberExample, ...]
    examples: tuple[TokenizedText, ...]
    curves: tuple[Curve, ...]

    def of_corpus(self, name: str) -> tuple[Profile, ...]:
        """Return the profiles on one text, in the order of the tokenizers."""
        return tuple(profile for profile in self.profiles if profile.corpus == name)

    def figures(self) -> dict[str, str | int | float | None]:
        """Return figures of the last tokenizer on the first text, against the first one, as one row for records.

        Raises:
            ValueError: if only one tokenizer was measured.
        """
        if len(self.vocabularies) < 2:
            raise ValueError(
                f"figures: found the tokenizer {self.vocabularies[0].name!r} alone; expected two to compare"
            )
        vocabulary, profile = self.vocabularies[-1], self.of_corpus(self.corpora[0].name)[-1]
        shift = next(s for s in reversed(self.tokenizer_shifts) if s.corpus == profile.corpus)
        entities = profile.entities
        return {
            "name": vocabulary.name,
            "algorithm": vocabulary.algorithm,
            "size": vocabulary.size,
            "embedding_parameters": vocabulary.embedding_parameters,
            "fertility": profile.fertility.value,
            "continued_words": profile.continued_words.value,
            "entity_fertility": None if entities is None else entities.fertility.value,
            "whole_entity_words": None if entities is None else entities.whole_words.value,
            "unknown_rate": profile.unknown_rate.value,
            "mean_length": profile.mean_length.value,
            "length_95": profile.length_95,
            "length_ratio": shift.length_ratio.value,
            "overlap": shift.overlap,
            "weighted_overlap": shift.weighted_overlap.value,
        }

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for a JSON file."""
        return {"version": VERSION, **dataclasses.asdict(self)}
