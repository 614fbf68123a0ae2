"""Raw text to sentences and words with spaCy's rules: blank English, tokenizer and sentencizer, nothing statistical."""

from __future__ import annotations

import functools
import re
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from finkd.corpora.errors import quoted
from finkd.corpora.sentence import Entity, Sentence
from finkd.corpora.tags import from_entities
from finkd.corpora.wording import counted

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Span

LabelledSpan = tuple[int, int, str]

_LONGEST = 200
"""Characters without white space that the tokenizer sees at once. Its time grows with their square: 200 signs take up
to 8 ms, 4,000 take seconds. No word is as long, and hardly an address of the web."""
_STRETCH = 2000
"""Characters after which it is called anew: other threads stand still as long as a call lasts."""
_RUN = re.compile(r"\S+")


_NEW_WORDS = 100_000
"""Words that a vocabulary may learn, about half a kilobyte each, before another one takes its place: spaCy keeps every
word that it has seen, and a service sees new ones for months."""
_TEXTS = 32
"""Texts between two looks at the vocabulary."""


def _pipeline() -> Language:
    """Return the current pipeline, or a new one if its vocabulary has grown too large."""
    language = _made()
    if len(language.vocab) > _NEW_WORDS:
        _made.cache_clear()
        language = _made()
    return language


@functools.cache
def _made() -> Language:
    import spacy  # importing it takes a second, which a listing of the corpora should not pay

    language = spacy.blank("en")
    language.add_pipe("sentencizer")
    language.max_length = sys.maxsize  # the limit guards the memory of statistical components, and there are none
    language.tokenizer = _in_tokens(language.tokenizer)
    return language


def _in_tokens(tokenizer: Callable[[str], Doc]) -> Callable[[str], Doc]:
    """Return a tokenizer whose time grows with the text's length only, whatever stands in it."""
    from spacy.tokens import Doc

    def tokenize(text: str) -> Doc:
        splits = list(_splits(text)) if len(text) > _LONGEST else []
        if not splits:
            return tokenizer(text)
        words, spaces = [], []
        for start, end in pairwise((0, *splits, len(text))):
            doc = tokenizer(text[start:end])
            words += [word.text for word in doc]
            spaces += [bool(word.whitespace_) for word in doc]
        return Doc(doc.vocab, words, spaces)

    return tokenize


def _splits(text: str) -> Iterator[int]:
    """Yield where to split a text: now and then after white space, which changes no word, and within long runs."""
    last = 0
    for run in _RUN.finditer(text):
        start, end = run.span()
        if start - last >= _STRETCH:
            last = start
            yield start
        for last in range(start + _LONGEST, end, _LONGEST):
            yield last


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return ``(start, end)`` of each word of a text; white space belongs to none."""
    return _spans(_pipeline().make_doc(text))


def _spans(words: Doc | Span) -> list[tuple[int, int]]:
    return [(word.idx, word.idx + len(word)) for word in words if not word.is_space]


def split_sentences(texts: Iterable[tuple[str, str]]) -> Iterator[Sentence]:
    """Split texts into sentences and words, lazily and in order.

    Args:
        texts: (text, document identifier) pairs.

    Yields:
        Unlabelled sentences without white space around them; a text of white space alone gives none.
    """
    waiting = iter(texts)
    while batch := list(islice(waiting, _TEXTS)):
        for doc, document in _pipeline().pipe(batch, as_tuples=True, batch_size=_TEXTS):
            yield from _sentences(doc, document)


def sentences_of_words(words: Sequence[str], spaces: Sequence[bool]) -> list[Sentence]:
    """Split a text whose words are known already into sentences, as ``split_sentences`` does with its own words.

    Args:
        words: all of the text, white space that is no single space between words as words of its own.
        spaces: whether a space follows each of them.
    """
    from spacy.tokens import Doc

    language = _pipeline()
    doc = Doc(language.vocab, list(words), list(spaces))
    return list(_sentences(language.get_pipe("sentencizer")(doc), ""))


def _sentences(doc: Doc, document: str) -> Iterator[Sentence]:
    text = doc.text  # put together anew each time it is asked for
    for sentence in doc.sents:
        spans = _spans(sentence)
        if spans:
            first, last = spans[0][0], spans[-1][1]
            moved = tuple((start - first, end - first) for start, end in spans)
            yield Sentence(text[first:last], moved, document=document)


def label_text(text: str, labelled: Sequence[LabelledSpan], document: str = "") -> Sentence:
    """Return a labelled sentence from a text and the character spans of its entities.

    A word that an entity's border splits (``Acme-owned``, entity ``Acme``) becomes two words at that border, so that
    words and entities always agree and no label is lost.

    Args:
        text: the whole text, kept as one sentence.
        labelled: (start, end, type) by character, end exclusive.
        document: identifier of the document it comes from.

    Raises:
        ValueError: if a span leaves the text, holds no word or overlaps another one with other borders or another type.
    """
    borders = sorted({border for start, end, _ in labelled for border in (start, end)})
    words = [part for span in word_spans(text) for part in _split(span, borders)]
    starts, ends = [start for start, _ in words], [end for _, end in words]
    found: list[Entity] = []
    before: LabelledSpan | None = None
    for span in sorted(set(labelled)):
        start, end, type_ = span
        if not 0 <= start < end <= len(text):
            raise ValueError(f"span {quoted(span)} is empty or leaves the text of {counted(len(text), 'character')}")
        first, after = bisect_left(starts, start), bisect_right(ends, end)
        if first >= after:
            raise ValueError(f"span {quoted(span)} holds no word")
        entity = Entity(first, after, type_)
        if found and found[-1] == entity:
            continue
        if before and first < found[-1].end:
            both = " and ".join(f"{quoted(each)} {quoted(text[each[0] : each[1]])}" for each in (before, span))
            raise ValueError(f"spans {both} overlap; expected one label for each word")
        found.append(entity)
        before = span
    return Sentence(text, tuple(words), tuple(from_entities(found, len(words))), document)


def _split(span: tuple[int, int], borders: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the parts of a word between the borders that fall inside it."""
    start, end = span
    inside = borders[bisect_right(borders, start) : bisect_left(borders, end)]
    yield from zip((start, *inside), (*inside, end), strict=True)
