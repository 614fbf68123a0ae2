"""Sentences with their words and entities, all located by character."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from finkd.corpora.wording import counted


@dataclass(frozen=True)
class Sentence:
    """One sentence as text, with its words as character spans and, if labelled, one IOB2 tag per word.

    Attributes:
        text: the original text; every span below points into it.
        spans: ``(start, end)`` of each word, end exclusive, in order and without overlap.
        tags: IOB2 tag of each word, or ``None`` for unlabelled text.
        document: identifier of the document it comes from; splits and bootstraps group by it.

    Example:
        >>> import finkd
        >>> finkd.Sentence.from_words(["Acme", "fell"], ["B-ORG", "O"]).text
        'Acme fell'
    """

    text: str
    spans: tuple[tuple[int, int], ...]
    tags: tuple[str, ...] | None = None
    document: str = ""
    words: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the invariants.

        Raises:
            ValueError: if spans leave the text, overlap or are empty, or if tags and spans differ in number.
        """
        last = 0
        for start, end in self.spans:
            if not last <= start < end <= len(self.text):
                raise ValueError(f"word span ({start}, {end}) is empty, overlaps or leaves the text {self.text!r}")
            last = end
        if self.tags is not None and len(self.tags) != len(self.spans):
            raise ValueError(
                f"{counted(len(self.tags), 'tag')} for {counted(len(self.spans), 'word')} in {self.text!r}"
            )
        object.__setattr__(self, "words", tuple(self.text[start:end] for start, end in self.spans))

    @classmethod
    def from_words(cls, words: Sequence[str], tags: Sequence[str] | None = None, document: str = "") -> Sentence:
        """Return a sentence of words that come without their text: they are joined by one space."""
        spans = []
        start = 0
        for word in words:
            spans.append((start, start + len(word)))
            start += len(word) + 1
        return cls(" ".join(words), tuple(spans), None if tags is None else tuple(tags), document)

    @property
    def spaces(self) -> list[bool]:
        """Whether white space follows each word."""
        return [self.text[end : end + 1].isspace() for _, end in self.spans]

    def with_words(self, words: Mapping[int, str]) -> Sentence:
        """Return a copy without tags that has other words at some places; all that stands between words stays.

        Args:
            words: index of a word -> what takes its place, in the case of the word that stood there.
        """
        parts, spans = [], []
        end = length = 0
        for place, (start, stop) in enumerate(self.spans):
            word = _in_case_of(self.words[place], words[place]) if place in words else self.words[place]
            parts += [self.text[end:start], word]
            length += start - end
            spans.append((length, length + len(word)))
            length += len(word)
            end = stop
        parts.append(self.text[end:])
        return Sentence("".join(parts), tuple(spans), None, self.document)


def digest(sentences: Iterable[Sentence]) -> str:
    """Hash of the texts, words and tags of some sentences, in their order."""
    found = hashlib.sha256()
    for sentence in sentences:
        found.update(repr((sentence.text, sentence.spans, sentence.tags)).encode())
    return found.hexdigest()


def _in_case_of(model: str, word: str) -> str:
    if model.isupper() and len(model) > 1:
        return word.upper()
    return word[0].upper() + word[1:] if model[0].isupper() else word


@dataclass(frozen=True, order=True)
class Entity:
    """A labelled run of words.

    Attributes:
        start: index of its first word.
        end: index after its last word.
        type: label without scheme prefix, such as ``"ORG"``.
    """

    start: int
    end: int
    type: str
