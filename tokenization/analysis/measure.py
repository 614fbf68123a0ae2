"""Measure several tokenizers over several texts, each text read once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from finkd.corpora.errors import DataError
from finkd.corpora.sentence import Sentence
from finkd.corpora.wording import counted
from finkd.tokenization.analysis.bootstrap import Bootstrap
from finkd.tokenization.analysis.counts import Accumulator
from finkd.tokenization.analysis.examples import (
    FragmentedWord,
    Fragments,
    NumberExample,
    TokenizedText,
    alone,
    segments,
)
from finkd.tokenization.analysis.metrics import Encoder, knee
from finkd.tokenization.analysis.profiles import profile
from finkd.tokenization.analysis.result import (
    Analysis,
    Curve,
    Measured,
    Origin,
    Profile,
    Vocabulary,
)
from finkd.tokenization.analysis.shifts import common_forms, domain_shift, tokenizer_shift
from finkd.tokenization.tokenizer import Tokenizer

DEFAULT_LIMIT = 512
_FREQUENT = 2


@dataclass(frozen=True)
class Text:
    """A text to measure.

    Attributes:
        name: what reports call it.
        part: which part of the corpus it is, in words.
        items: sentences (their words, entities and documents are used) or raw texts; read once.
    """

    name: str
    part: str
    items: Iterable[Sentence | str]


@dataclass(frozen=True)
class Candidate:
    """A tokenizer to measure.

    Attributes:
        tokenizer: the tokenizer.
        origin: where it comes from; sizes of ``"trained"`` ones are compared with each other.
        algorithm: what it was trained with; by default, the kind of its model.
        name: what reports call it; by default, the tokenizer's own name.
    """

    tokenizer: Tokenizer
    origin: Origin = "given"
    algorithm: str = ""
    name: str = ""


def measure(
    texts: Sequence[Text],
    candidates: Sequence[Candidate],
    *,
    width: int,
    encoder: Encoder | None = None,
    limit: int = DEFAULT_LIMIT,
    worst: int = 20,
    examples: int = 5,
) -> Analysis:
    """Measure tokenizers on texts; the first of each is the one that the others are compared with.

    Every figure is only meaningful on text that a vocabulary was not trained on: a vocabulary always fits its own.
    Memory does not grow with the texts. It holds a batch, 64 counts for each entry of each vocabulary and text, and a
    bounded list of words.

    Args:
        texts: one or more, of different names.
        candidates: one or more tokenizers, the reference first.
        width: columns of the embedding matrix that the vocabularies are priced at.
        encoder: prices the vocabularies in it too.
        limit: tokens that a model reads at once, special tokens included.
        worst: fragmented words to list for each tokenizer and text.
        examples: texts to show for each corpus.

    Raises:
        DataError: if a text holds no word, or half a surrogate pair.
    """
    tokenizers = [candidate.tokenizer for candidate in candidates]
    names = _distinct([candidate.name or candidate.tokenizer.name for candidate in candidates])
    titles = _distinct([text.name for text in texts])
    counts = [_count(text, tokenizers, limit, examples) for text in texts]
    draws = [Bootstrap.over(each.texts, stream) for stream, each in enumerate(counts)]
    grid = list(zip(titles, counts, draws, strict=True))
    profiles = tuple(
        profile(title, name, text, side, draw, encoder)
        for title, text, draw in grid
        for name, side in zip(names, text.sides, strict=True)
    )
    vocabularies = tuple(
        _vocabulary(name, candidate, len(tokenizers[0]), width, encoder)
        for name, candidate in zip(names, candidates, strict=True)
    )
    forms = common_forms(tokenizers)
    return Analysis(
        limit=limit,
        vocabularies=vocabularies,
        corpora=tuple(map(_measured, titles, texts, counts, draws)),
        profiles=profiles,
        tokenizer_shifts=tuple(
            tokenizer_shift(title, names[index], (text.sides[0], text.sides[index]), (forms[0], forms[index]), draw)
            for title, text, draw in grid
            for index in range(1, len(names))
        ),
        domain_shifts=tuple(
            domain_shift((title, name), (counts[0], text), index, (draws[0], draw))
            for title, text, draw in grid[1:]
            for index, name in enumerate(names)
        ),
        fragments=tuple(
            _fragments(title, name, text, index, tokenizers, worst)
            for title, text, _ in grid
            for index, name in enumerate(names)
        ),
        numbers=tuple(
            NumberExample(title, kind, number, tuple(alone(tokenizer, number) for tokenizer in tokenizers))
            for title, text, _ in grid
            for kind, number in text.written.chosen()
        ),
        examples=tuple(_tokenized(title, text, tokenizers) for title, each, _ in grid for text in each.drawn.chosen()),
        curves=_curves(titles, vocabularies, profiles),
    )


def compare_tokenizers(
    sentences: Iterable[Sentence | str], tokenizer: Tokenizer, teacher: Tokenizer, embedding_width: int, worst: int = 20
) -> Analysis:
    """Measure one tokenizer against a teacher's on one text.

    Args:
        sentences: held-out text; entities are used where there are any.
        tokenizer: the student's.
        teacher: the teacher's.
        embedding_width: columns of the student's embedding matrix; both are priced at this width.
        worst: fragmented words to list.

    Returns:
        the analysis; its ``figures()`` are one flat row for a run record.

    Raises:
        DataError: if there is no word.
    """
    candidates = [Candidate(teacher, "reference"), Candidate(tokenizer)]
    return measure([Text("text", "all", sentences)], candidates, width=embedding_width, worst=worst)


def _distinct(names: Sequence[str]) -> list[str]:
    """Return the names, those that occur again with a number appended."""
    found: list[str] = []
    for name in names:
        numbered = (f"{name} ({number})" for number in itertools.count(2))
        found.append(name if name not in found else next(other for other in numbered if other not in found))
    return found


def _count(text: Text, tokenizers: Sequence[Tokenizer], limit: int, examples: int) -> Accumulator:
    found = Accumulator(tokenizers, limit, examples)
    found.add(text.items)
    if not found.words:
        raise DataError(
            f"{text.name}: analyze: no word in {counted(int(found.texts.sum()), 'text')} ({text.part}); "
            "expected text with letters, digits or signs"
        )
    return found


def _vocabulary(
    name: str, candidate: Candidate, reference_size: int, width: int, encoder: Encoder | None
) -> Vocabulary:
    tokenizer = candidate.tokenizer
    return Vocabulary(
        name=name,
        algorithm=candidate.algorithm or type(tokenizer.backend.model).__name__.lower(),
        origin=candidate.origin,
        size=len(tokenizer),
        lowercases=tokenizer.lowercases,
        embedding_parameters=len(tokenizer) * width,
        embedding_share=None if encoder is None else encoder.embedding_share(reference_size, len(tokenizer)),
    )


def _measured(title: str, text: Text, counts: Accumulator, draws: Bootstrap) -> Measured:
    return Measured(
        name=title,
        part=text.part,
        texts=int(counts.texts.sum()),
        words=counts.words,
        characters=counts.characters,
        entities=counts.entities,
        blocks=len(draws.used),
        cut=counts.split,
        missed=counts.counter.missed,
    )


def _fragments(
    title: str, name: str, text: Accumulator, index: int, tokenizers: Sequence[Tokenizer], worst: int
) -> Fragments:
    words = tuple(
        FragmentedWord(word, count, extra, tuple(alone(tokenizer, word) for tokenizer in tokenizers))
        for word, count, extra in text.counter.worst(index, worst, _FREQUENT)
    )
    return Fragments(title, name, words)


def _tokenized(title: str, text: str, tokenizers: Sequence[Tokenizer]) -> TokenizedText:
    segmented = [segments(text, tokenizer) for tokenizer in tokenizers]
    return TokenizedText(title, tuple(found for found, _ in segmented), tuple(length for _, length in segmented))


def _curves(
    titles: Sequence[str], vocabularies: Sequence[Vocabulary], profiles: Sequence[Profile]
) -> tuple[Curve, ...]:
    """Make a curve for each text and algorithm that was trained in two sizes or more."""
    trained = sorted((v for v in vocabularies if v.origin == "trained"), key=lambda v: v.size)
    by_algorithm = {v.algorithm: [w for w in trained if w.algorithm == v.algorithm] for v in trained}
    fertility = {(p.corpus, p.tokenizer): p.fertility for p in profiles}
    found = []
    for title, (algorithm, members) in itertools.product(titles, sorted(by_algorithm.items())):
        sizes = tuple(member.size for member in members)
        costs = tuple(fertility[title, member.name] for member in members)
        bend = knee(sizes, [cost.value for cost in costs])
        if len(set(sizes)) > 1:
            names = tuple(member.name for member in members)
            found.append(Curve(title, algorithm, names, sizes, costs, None if bend is None else int(bend)))
    return tuple(found)
