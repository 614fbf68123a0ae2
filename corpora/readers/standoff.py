"""Readers of files that hold annotations beside a text: brat's pairs of files, and WebAnno's TSV (INCEpTION)."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from finkd.corpora.errors import DataError, quoted
from finkd.corpora.readers import limits
from finkd.corpora.readers.characters import clean_label
from finkd.corpora.readers.lines import numbered_lines, read_text, stem
from finkd.corpora.readers.offsets import Offsets, Passage, check_offsets, in_characters
from finkd.corpora.segmentation import LabelledSpan, label_text
from finkd.corpora.sentence import Sentence

_LINE = re.compile(r"[^\r\n]+")
_LINE_END = re.compile(r"[\r\n]")  # brat writes it as a space in the text of an entity
_ENTITY = re.compile(r"T\d+\t(\S+) (\d{1,12}) (\d{1,12})(;[\d ;]+)?\t(.*)")
_LAYER = re.compile(r"#T_SP=[\w.]*NamedEntity\|(.+)")
_TEXT = "#Text="
_ROW = re.compile(r"\d+-\d+(\.\d+)?\t")  # sentence and word, and a part of the word
_NO_LABEL = ("_", "*")  # no entity, and an entity without a label
_WEBANNO = "#FORMAT=WebAnno TSV 3"
_WORD_COLUMNS = 3
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "b": "\b"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_VALUE = re.compile(r"((?:[^\\|\[]|\\.)*)(?:\[(\d+)\])?")  # a label, perhaps the number of its entity


def read_brat(path: Path, offsets: Offsets = "characters") -> Iterator[Sentence]:
    """Read a file of annotations (``.ann``) and the text (``.txt``) beside it, of which each line is a sentence.

    Relations, events, attributes and notes are left alone.

    Raises:
        DataError: if an entity's line is damaged, or an entity has gaps, reaches over a line, or does not fit the text.
        UnavailableError: if there is no such text.
    """
    beside = path.with_name(f"{stem(path)}.txt")
    text = read_text(beside)  # with its line ends, which brat's offsets count
    entities = [_brat_entity(line, path, number) for number, line in numbered_lines(path) if line.startswith("T")]
    distinct = tuple(dict.fromkeys(span for span, _ in entities))
    passage = Passage(str(path), text, distinct, stem(path))
    check_offsets([passage], path, offsets)
    try:
        spans = in_characters(text, passage.spans, offsets)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
    found = dict(zip(distinct, spans, strict=True))
    for span, words in entities:
        start, end, _ = found[span]
        if _LINE_END.sub(" ", text[start:end]) != words:
            raise DataError(
                f"{path}: found {quoted(words)} as the text of an entity, and {quoted(text[start:end])} at its offsets "
                f"in {beside.name}; give the text that was annotated, with its line ends"
            )
    left = deque(sorted(spans))
    for place in _LINE.finditer(text):
        if place[0].strip():
            here = []
            while left and place.start() <= left[0][0] < place.end():
                start, end, label = left.popleft()
                here.append((start - place.start(), end - place.start(), label))
            yield _labelled(place[0], here, path, stem(path))
    if left:
        raise DataError(f"{path}: found an entity outside of every line ({quoted(left[0])}); expected it within one")


def _brat_entity(line: str, path: Path, number: int) -> tuple[LabelledSpan, str]:
    """Return an entity and the text that it covers."""
    found = _ENTITY.match(line)
    if found is None:
        expected = "expected an entity such as T1, its label, start and end, and its text"
        raise DataError(f"{path}:{number}: found {quoted(line)}; {expected}")
    label, start, end, gap, covered = found.groups()
    if gap:
        found_gap = f"found an entity with a gap ({start} {end}{gap})"
        raise DataError(f"{path}:{number}: {found_gap}; expected one stretch of text")
    return (int(start), int(end), _label(label, path, number)), covered


def is_webanno(path: Path) -> bool:
    """Return whether a file begins as WebAnno's exports do."""
    return next(numbered_lines(path), (1, ""))[1].startswith(_WEBANNO)


def read_webanno(path: Path) -> Iterator[Sentence]:
    """Read WebAnno's TSV 3, which INCEpTION exports: the layer of named entities of each sentence.

    A sentence with line breaks is written as several ``#Text`` lines, one after the other.

    Raises:
        DataError: if the file has no such layer, a word belongs to several entities, or a part of a word to one.
    """
    lines = numbered_lines(path)
    next(lines)
    column = _WORD_COLUMNS
    is_layer = False
    words = _Words(path)
    before = ""
    for number, line in lines:
        if line.startswith(("#T_SP=", "#T_CH=", "#T_RL=")) and not is_layer:
            names = line.partition("=")[2].split("|")[1:]
            is_layer = _LAYER.fullmatch(line) is not None
            column += names.index("value") if is_layer and "value" in names else len(names)
        elif line.startswith(_TEXT):
            text = _unescaped(line.removeprefix(_TEXT))
            if before.startswith(_TEXT):
                words.text += f"\n{text}"
            else:
                yield from words.pop(text)
        elif row := _ROW.match(line):
            cells = line.split("\t")
            if not is_layer or len(cells) <= column:
                raise DataError(f"{path}:{number}: found no layer NamedEntity; export the project with that layer")
            words.add(cells[2], cells[column], number, is_part=row[1] is not None)
        before = line
    yield from words.pop("")


class _Words:
    """The words of the sentence that is being read, and the entities that they belong to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = ""
        self._behind = 0
        self._spans: dict[str, LabelledSpan] = {}

    def add(self, word: str, value: str, number: int, is_part: bool) -> None:
        """Add a word, or a part of the word before, which must have no label."""
        if is_part:
            if value not in _NO_LABEL:
                problem = f"found the label {quoted(value)} for {quoted(word)}, a part of a word"
                raise DataError(f"{self.path}:{number}: {problem}; expected entities of whole words")
            return
        start = self.text.find(word, self._behind)
        if start < 0:
            raise DataError(f"{self.path}:{number}: found {quoted(word)}; expected a word of the sentence's text")
        self._behind = start + len(word)
        found = _VALUE.fullmatch(value)
        if found is None:
            raise DataError(f"{self.path}:{number}: found the labels {quoted(value)} for one word; expected one")
        if found[1] in _NO_LABEL:
            return
        label, key = _label(_unescaped(found[1]), self.path, number), found[2] or f"line {number}"
        begin = self._spans.get(key, (start, 0, label))[0]
        self._spans[key] = (begin, self._behind, label)

    def pop(self, text: str) -> Iterator[Sentence]:
        """Yield the sentence, if there is one, and begin one of this text."""
        if self.text.strip():
            yield _labelled(self.text, list(self._spans.values()), self.path, stem(self.path))
        self.text, self._behind, self._spans = text, 0, {}


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), text)


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
