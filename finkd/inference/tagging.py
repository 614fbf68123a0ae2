"""Named entities of raw text, located by its characters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from finkd.corpora.segmentation import split_sentences
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import entities
from finkd.inference.prediction import Interrupt, interruptible
from finkd.inference.tagger import Tagger, predict_tags
from finkd.models.files import check_head


@dataclass(frozen=True)
class Mention:
    """Named entity in a text.

    Attributes:
        start: its first character.
        end: the character after its last one.
        label: entity type, such as ``"ORG"``.
        text: ``text[start:end]``.
    """

    start: int
    end: int
    label: str
    text: str


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
    texts: Iterable[str], model: Tagger, batch: int = 32, interrupt: Interrupt | None = None
) -> Iterator[Tagged]:
    """Find the entities of a stream of texts.

    Args:
        texts: of any number of sentences; read ``batch`` at a time.
        model: a tagger.
        batch: number of texts whose sentences are run through the model together.
        interrupt: called before tokens are read, with their number, and between batches; raises to stop.

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
    return tag_sentences(((text, list(split_sentences([(text, "")]))) for text in texts), model, batch, interrupt)


def tag_sentences(
    texts: Iterable[tuple[str, Sequence[Sentence]]], model: Tagger, batch: int = 32, interrupt: Interrupt | None = None
) -> Iterator[Tagged]:
    """Find the entities of a stream of texts, each with its sentences, separated by white space; see ``tag``."""
    check_head(model.labels, f"model {model.tokenizer.name!r}")
    waiting = iter(texts)
    while chunk := list(islice(waiting, batch)):
        with interruptible(interrupt):
            tags, _ = predict_tags([sentence for _, of_text in chunk for sentence in of_text], model)
        following = iter(tags)
        for text, of_text in chunk:
            mentions, behind = [], 0
            for sentence in of_text:
                # Only white space lies between sentences, so the next occurrence is the sentence itself.
                first = text.index(sentence.text, behind)
                behind = first + len(sentence.text)
                for entity in entities(next(following)):
                    start, end = first + sentence.spans[entity.start][0], first + sentence.spans[entity.end - 1][1]
                    mentions.append(Mention(start, end, entity.type, text[start:end]))
            yield Tagged(text, tuple(mentions))
