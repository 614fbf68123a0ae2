"""Named entities of raw text, located by its characters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from finkd.corpora.segmentation import split_sentences
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import entities
from finkd.data.prefetch import prefetched
from finkd.inference.interrupt import Interrupt, interruptible
from finkd.inference.tagger import Tagger, predict_with_scores
from finkd.models.tagger_checks import check_head

BATCH = 128
_CHARACTERS = 2**17
"""Of texts that are run through the model together, unless a single one has more: about 20,000 words."""
_DIGITS = 4
"""Of a score: more would say nothing."""


@dataclass(frozen=True)
class Mention:
    """Named entity in a text.

    Attributes:
        start: its first character.
        end: the character after its last one.
        label: entity type, such as ``"ORG"``.
        text: ``text[start:end]``.
        score: probability that exactly this is an entity of this type (``finkd.inference.marginals``), rounded.
    """

    start: int
    end: int
    label: str
    text: str
    score: float


@dataclass(frozen=True)
class Tagged:
    """Text with its entities, in order and without overlap.

    Example:
        >>> import finkd
        >>> (tagged,) = finkd.predict(["Acme fell."], finkd.load_model("tagger"))
        >>> tagged.text
        'Acme fell.'
    """

    text: str
    mentions: tuple[Mention, ...]


def predict(
    texts: Iterable[str], model: Tagger, batch: int = BATCH, interrupt: Interrupt | None = None, min_score: float = 0
) -> Iterator[Tagged]:
    """Find the entities of a stream of texts.

    Args:
        texts: of any number of sentences.
        model: a tagger.
        batch: most texts whose sentences are run through the model together; while it runs, the next ones are split
            into sentences. With 1, each result comes before the next text is asked for.
        interrupt: called before tokens are read, with their number, and between batches; raises to stop.
        min_score: entities of a lower score are left out.

    Yields:
        one result per text, in order.

    Raises:
        ConfigError: if the model is an encoder without a tagging head.

    Example:
        >>> import finkd
        >>> texts = ["Acme fell.", "Summit Foods named Priya Mercer."]
        >>> [tagged.text for tagged in finkd.predict(texts, finkd.load_tagger("tagger"))]
        ['Acme fell.', 'Summit Foods named Priya Mercer.']
    """
    chunks = _chunks(texts, batch)
    first = next(chunks, [])
    chunks = chain([first], chunks)
    is_last = len(first) < batch and sum(map(len, first)) < _CHARACTERS
    split = map(_split, chunks) if batch == 1 or is_last else prefetched(_split, chunks, ahead=1)
    yield from _tagged(split, model, interrupt, min_score)


def _chunks(texts: Iterable[str], most: int) -> Iterator[list[str]]:
    """Yield texts in lists of a number of them at most, and no more once they are long enough together."""
    chunk: list[str] = []
    characters = 0
    for text in texts:
        chunk.append(text)
        characters += len(text)
        if len(chunk) == most or characters >= _CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _split(texts: Sequence[str]) -> list[tuple[str, list[Sentence]]]:
    return [(text, list(split_sentences([(text, "")]))) for text in texts]


def tag_sentences(
    texts: Iterable[tuple[str, Sequence[Sentence]]],
    model: Tagger,
    batch: int = BATCH,
    interrupt: Interrupt | None = None,
    min_score: float = 0,
) -> Iterator[Tagged]:
    """Find the entities of a stream of texts, each with its sentences, separated by white space; see ``predict``."""
    waiting = iter(texts)
    return _tagged(iter(lambda: list(islice(waiting, batch)), []), model, interrupt, min_score)


def _tagged(
    chunks: Iterable[Sequence[tuple[str, Sequence[Sentence]]]],
    model: Tagger,
    interrupt: Interrupt | None,
    min_score: float,
) -> Iterator[Tagged]:
    """Find the entities of texts, all sentences of a chunk together."""
    check_head(model.labels, f"model {model.tokenizer.name!r}")
    for chunk in chunks:
        with interruptible(interrupt):
            tags, scores, _ = predict_with_scores([sentence for _, of_text in chunk for sentence in of_text], model)
        following = zip(map(entities, tags), scores, strict=True)
        for text, of_text in chunk:
            mentions, behind = [], 0
            for sentence in of_text:
                # Only white space lies between sentences, so the next occurrence is the sentence itself.
                first = text.index(sentence.text, behind)
                behind = first + len(sentence.text)
                for entity, probability in zip(*next(following), strict=True):
                    score = round(probability, _DIGITS)
                    if score < min_score:
                        continue
                    start, end = first + sentence.spans[entity.start][0], first + sentence.spans[entity.end - 1][1]
                    mentions.append(Mention(start, end, entity.type, text[start:end], score))
            yield Tagged(text, tuple(mentions))
