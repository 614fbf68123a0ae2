"""Raw text in, named entities out, located by character in the text as it came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from finkd.corpora.segmentation import split_sentences
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import entities
from finkd.inference.interruption import Interrupt, interruptible
from finkd.inference.tagger import Tagger, predict
from finkd.models.checks import check_head


@dataclass(frozen=True)
class Mention:
    """A named entity in a text.

    Attributes:
        start: its first character.
        end: the character after its last one.
        label: its type, such as ``"ORG"``.
        text: ``text[start:end]``.
    """

    start: int
    end: int
    label: str
    text: str


@dataclass(frozen=True)
class Tagged:
    """A text with its entities, in order and without overlap."""

    text: str
    mentions: tuple[Mention, ...]


def tag(texts: Iterable[str], model: Tagger, batch: int = 32, interrupt: Interrupt | None = None) -> Iterator[Tagged]:
    """Find the entities of a stream of texts.

    Args:
        texts: any text, of any number of sentences; read ``batch`` at a time.
        model: a tagger.
        batch: texts whose sentences are run through the model together.
        interrupt: called before tokens are read, with their number, and between batches; stops the work by raising.

    Yields:
        one result per text, in order.

    Raises:
        ConfigError: if the model is an encoder without a tagging head.
    """
    return tag_sentences(((text, list(split_sentences([(text, "")]))) for text in texts), model, batch, interrupt)


def tag_sentences(
    texts: Iterable[tuple[str, Sequence[Sentence]]], model: Tagger, batch: int = 32, interrupt: Interrupt | None = None
) -> Iterator[Tagged]:
    """Find the entities of a stream of texts whose sentences and words are known already; see ``tag``.

    Args:
        texts: each with its sentences, between which only white space lies.
        model: a tagger.
        batch: texts whose sentences are run through the model together.
        interrupt: as for ``tag``.
    """
    check_head(model.labels, f"model {model.tokenizer.name!r}")
    waiting = iter(texts)
    while chunk := list(islice(waiting, batch)):
        with interruptible(interrupt):
            tags, _ = predict([sentence for _, of_text in chunk for sentence in of_text], model)
        following = iter(tags)
        for text, of_text in chunk:
            yield Tagged(text, tuple(_mentions(text, [(sentence, next(following)) for sentence in of_text])))


def _mentions(text: str, tagged: Iterable[tuple[Sentence, list[str]]]) -> Iterator[Mention]:
    behind = 0
    for sentence, tags in tagged:
        # Only white space lies between sentences, so the next occurrence is the sentence itself.
        first = text.index(sentence.text, behind)
        behind = first + len(sentence.text)
        for entity in entities(tags):
            start, end = first + sentence.spans[entity.start][0], first + sentence.spans[entity.end - 1][1]
            yield Mention(start, end, entity.type, text[start:end])
