"""Readers of files that hold annotations beside a text: brat's pairs of files, and WebAnno's TSV (INCEpTION)."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from finkd.corpora.errors import DataError, quoted
from finkd.corpora.readers import limits
from finkd.corpora.readers.characters import clean_label
from finkd.corpora.readers.lines import numbered_lines, stem
from finkd.corpora.readers.offsets import Offsets, Passage, check_offsets, in_characters
from finkd.corpora.segmentation import LabelledSpan, label_text
from finkd.corpora.sentence import Sentence

_LINE = re.compile(r"[^\n]+")
_ENTITY = re.compile(r"T\d+\t(\S+) ([\d ;]+)\t")
_LAYER = re.compile(r"#T_SP=[\w.]*NamedEntity\|(.+)")
_ROW = re.compile(r"\d+-\d+\t")
_WEBANNO = "#FORMAT=WebAnno TSV 3"
_WORD_COLUMNS = 3
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r"}
_ESCAPE = re.compile(r"\\(.)")


def read_brat(path: Path, offsets: Offsets = "characters") -> Iterator[Sentence]:
    """Read a file of annotations (``.ann``) and the text (``.txt``) beside it, of which each line is a sentence.

    Relations, events, attributes and notes are left alone.

    Raises:
        DataError: if an entity has gaps, reaches over a line, or does not fit the text.
        UnavailableError: if there is no such text.
    """
    beside = path.with_name(f"{stem(path)}.txt")
    text = "\n".join(line for _, line in numbered_lines(beside))
    spans = []
    for number, line in numbered_lines(path):
        found = _ENTITY.match(line)
        if found is None:
            continue
        if ";" in found[2]:
            raise DataError(f"{path}:{number}: found an entity with a gap ({found[2]}); expected one stretch of text")
        start, end = (int(each) for each in found[2].split())
        spans.append((start, end, _label(found[1], path, number)))
    passage = Passage(str(path), text, tuple(dict.fromkeys(spans)), stem(path))
    check_offsets([passage], path, offsets)
    left = deque(sorted(in_characters(text, passage.spans, offsets)))
    for place in _LINE.finditer(text):
        if place[0].strip():
            here = []
            while left and place.start() <= left[0][0] < place.end():
                start, end, label = left.popleft()
                here.append((start - place.start(), end - place.start(), label))
            yield _labelled(place[0], here, path, stem(path))
    if left:
        raise DataError(f"{path}: found an entity outside of every line ({quoted(left[0])}); expected it within one")


def is_webanno(path: Path) -> bool:
    """Return whether a file begins as WebAnno's exports do."""
    return next(numbered_lines(path), (1, ""))[1].startswith(_WEBANNO)


def read_webanno(path: Path) -> Iterator[Sentence]:
    """Read WebAnno's TSV 3, which INCEpTION exports: the layer of named entities, a sentence for each ``#Text``.

    Raises:
        DataError: if the file has no such layer, or a word belongs to several entities.
    """
    lines = numbered_lines(path)
    next(lines)
    column = _WORD_COLUMNS
    is_layer = False
    words = _Words(path)
    for number, line in lines:
        if line.startswith(("#T_SP=", "#T_CH=", "#T_RL=")) and not is_layer:
            names = line.partition("=")[2].split("|")[1:]
            is_layer = _LAYER.fullmatch(line) is not None
            column += names.index("value") if is_layer and "value" in names else len(names)
        elif line.startswith("#Text="):
            yield from words.pop(line.removeprefix("#Text="))
        elif _ROW.match(line):
            cells = line.split("\t")
            if not is_layer or len(cells) <= column:
                raise DataError(f"{path}:{number}: found no layer NamedEntity; export the project with that layer")
            words.add(cells[2], cells[column], number)
    yield from words.pop("")


class _Words:
    """The words of the sentence that is being read, and the entities that they belong to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = ""
        self._behind = 0
        self._spans: dict[str, LabelledSpan] = {}

    def add(self, word: str, value: str, number: int) -> None:
        """Add a word; parts of words, which have rows of their own, must have no label."""
        start = self.text.find(word, self._behind)
        if start < 0:
            raise DataError(f"{self.path}:{number}: found {quoted(word)}; expected a word of the sentence's text")
        self._behind = start + len(word)
        if value in ("_", "*"):
            return
        if "|" in value:
            raise DataError(f"{self.path}:{number}: found the labels {quoted(value)} for one word; expected one")
        name, _, chain = value.partition("[")
        label, key = _label(name, self.path, number), chain or str(number)
        begin = self._spans.get(key, (start, 0, label))[0]
        self._spans[key] = (begin, self._behind, label)

    def pop(self, text: str) -> Iterator[Sentence]:
        """Yield the sentence, if there is one, and begin one of this text."""
        if self.text.strip():
            yield _labelled(self.text, list(self._spans.values()), self.path, stem(self.path))
        self.text, self._behind, self._spans = _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), text), 0, {}


def _labelled(text: str, spans: list[LabelledSpan], path: Path, document: str) -> Sentence:
    if len(text) > limits.TEXT_CHARACTERS:
        raise DataError(f"{path}: found a line of {len(text)} characters; expected {limits.TEXT_CHARACTERS} at most")
    try:
        return label_text(text, spans, document)
    except ValueError as error:
        raise DataError(f"{path}: {quoted(text[:60])}: {error}") from error


def _label(name: str, path: Path, number: int) -> str:
    try:
        return clean_label(name)
    except ValueError as error:
        raise DataError(f"{path}:{number}: {error}") from error
