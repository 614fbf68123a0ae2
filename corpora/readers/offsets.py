"""Units of the offsets of labelled spans, and checks that offsets fit their texts.

Programs count differently: Python counts characters, JavaScript and Java UTF-16 units (two for an emoji), Go and Rust
bytes of UTF-8. Offsets that are read in the wrong unit cut words, which is how it shows.
"""

from __future__ import annotations

import logging
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Literal, cast, get_args

from finkd.corpora.errors import ConfigError, DataError, quoted
from finkd.corpora.registry import unknown
from finkd.corpora.segmentation import LabelledSpan

logger = logging.getLogger(__name__)

Offsets = Literal["characters", "utf16", "bytes"]
OFFSETS: tuple[str, ...] = get_args(Offsets)
_Width = Callable[[str], int]
_UNITS: dict[str, tuple[str, _Width]] = {
    "characters": ("characters", len),
    "utf16": ("UTF-16 units", lambda character: 1 + (character > "\uffff")),
    "bytes": ("bytes of UTF-8", lambda character: len(character.encode("utf-8", "surrogatepass"))),
}
_SHIFTS = {
    (-1, -1): "every offset is one less",
    (1, 1): "every offset is one more",
    (0, 1): "every end is one more",
    (-1, 0): "every start is one less",
}
_CORRECT = "correct the file's offsets"
_SHARE = 0.2
"""Share of a file's borders that may lie within words. With a wrong unit or an offset by one it is about half; in
FinEntity, as published, none of 4,038; in a corpus that labels parts of compounds, such as GermEval, a twentieth."""
_FEW = 5
"""Borders within words in a file that is too small for a share."""
_REPAIRED = 0.1
"""Share of the borders within words that a likely cause may leave unexplained."""
# Scripts beyond Greek and Cyrillic write names and what follows them in one word, or without spaces at all.
_ALPHABETS = ((0, 0x058F), (0x1E00, 0x1FFF))


@dataclass(frozen=True)
class Passage:
    """A text with its labelled spans, as a file has them.

    Attributes:
        where: its file and line, for messages.
        text: the text.
        spans: (start, end, label), by the file's own offsets.
        document: identifier of the document it comes from.
    """

    where: str
    text: str
    spans: tuple[LabelledSpan, ...]
    document: str = ""


@dataclass(frozen=True)
class _Fit:
    """Misfit of a file's spans with its words under one reading; less is better.

    Attributes:
        cuts: borders within a word, or outside of the text.
        blanks: spans that begin or end with white space.
        first: where the first of ``cuts`` is, for a message.
    """

    cuts: int
    blanks: int
    first: str = ""


def offsets_named(name: str) -> Offsets:
    """Return the unit that ``name`` spells.

    Raises:
        ConfigError: if it is none; the message suggests the nearest.
    """
    if name not in OFFSETS:
        raise ConfigError(unknown("offsets", name, list(OFFSETS)))
    return cast(Offsets, name)


def in_characters(text: str, spans: Iterable[LabelledSpan], offsets: Offsets) -> list[LabelledSpan]:
    """Return spans with offsets that count characters.

    Raises:
        ValueError: if an offset lies within a character.
    """
    found = []
    for span, (start, end) in zip(spans, _places(text, spans, _UNITS[offsets][1]), strict=True):
        if start is None or end is None:
            raise ValueError(f"span {quoted(span)} begins or ends within a character; is the unit {offsets}?")
        found.append((start, end, span[2]))
    return found


def check_offsets(passages: Sequence[Passage], path: Path | str, offsets: Offsets) -> None:
    """Check whether the spans of a file fit its words; a few that do not cause a warning, many are refused.

    Raises:
        DataError: if more than a fifth of the borders cut words, or another unit of the offsets explains those that do.
    """
    borders = 2 * sum(len(passage.spans) for passage in passages)
    given = _fit(passages, _UNITS[offsets][1])
    if not given.cuts:
        return
    cause, remedy = _likely_cause(passages, offsets, given)
    message = (
        f"{given.first}; {given.cuts} of {borders} borders in the file {'does' if given.cuts == 1 else 'do'} so"
        f"{', ' + cause if cause else ''}"
    )
    is_much = given.cuts >= _FEW and given.cuts > _SHARE * borders
    if is_much or (cause and given.cuts > 1):
        raise DataError(f"{message}; {remedy or 'expected offsets of whole words, ends exclusive'}")
    logger.warning("%s%s", message, f"; {remedy}" if remedy else "")


def _likely_cause(passages: Sequence[Passage], offsets: Offsets, given: _Fit) -> tuple[str, str]:
    """Return what makes nearly all borders fit, and what to do about it; empty if nothing does."""
    readings: list[tuple[str, str, _Width, tuple[int, int]]] = []
    for other, (unit, width) in _UNITS.items():
        remedy = f"load it with offsets {other}" if other != "characters" else f"leave out offsets {offsets}"
        readings.append((f"offsets count {unit}", remedy, width, (0, 0)))
    readings += [(said, _CORRECT, _UNITS[offsets][1], by) for by, said in _SHIFTS.items()]
    readings.append(("line ends count as two", _CORRECT, lambda character: 1 + (character == "\n"), (0, 0)))
    fits = [(_fit(passages, width, by), said, remedy) for said, remedy, width, by in readings]
    best, said, remedy = min(fits, key=lambda fit: (fit[0].cuts, fit[0].blanks))
    if best.cuts > _REPAIRED * given.cuts or best.blanks > given.blanks:
        return "", ""
    return f"and {best.cuts} if {said}", remedy


def _places(
    text: str, spans: Iterable[LabelledSpan], width: _Width, by: tuple[int, int] = (0, 0)
) -> Iterator[tuple[int | None, int | None]]:
    """Yield the (start, end) by character, shifted; ``None`` for one within a character.

    Args:
        text: the text.
        spans: by the file's offsets.
        width: how many units of these offsets a character takes.
        by: added to each start and end.
    """
    starts = range(len(text) + 1) if width is len else list(accumulate(map(width, text), initial=0))
    for start, end, _ in spans:
        first, last = _place(starts, start), _place(starts, end)
        yield None if first is None else first + by[0], None if last is None else last + by[1]


def _place(starts: Sequence[int], offset: int) -> int | None:
    """Return the index of the character that begins at an offset; an offset outside of the text stays outside."""
    if not 0 <= offset <= starts[-1]:
        return offset if offset < 0 else len(starts) + offset - starts[-1] - 1
    place = bisect_left(starts, offset)
    return place if starts[place] == offset else None


def _fit(passages: Iterable[Passage], width: _Width, by: tuple[int, int] = (0, 0)) -> _Fit:
    cuts = blanks = 0
    first = ""
    for passage in passages:
        text = passage.text
        for span, (start, end) in zip(passage.spans, _places(text, passage.spans, width, by), strict=True):
            wrong = [_cuts_word(text, start), _cuts_word(text, end)]
            cuts += sum(wrong)
            if any(wrong):
                first = first or f"{passage.where}: span {quoted(span)} cuts a word: {_shown(text, start, end)}"
            elif start is not None and end is not None and start < end:
                blanks += text[start].isspace() or text[end - 1].isspace()
    return _Fit(cuts, blanks, first)


def _shown(text: str, start: int | None, end: int | None) -> str:
    if start is None or end is None or not 0 <= start < end <= len(text):
        return f"it begins or ends within a character or outside of the {len(text)} characters"
    inside = text[start:end] if end - start <= 40 else f"{text[start : start + 18]}...{text[end - 18 : end]}"
    return repr(f"{text[max(0, start - 12) : start]}|{inside}|{text[end : end + 12]}")


def _cuts_word(text: str, place: int | None) -> bool:
    """Return whether a border lies within a word, within a character or outside of the text.

    Where a letter meets a digit, or a small letter a capital, a border may be meant (``Q|3``, ``Acme|Corp``).
    """
    if place is None or not 0 <= place <= len(text):
        return True
    if place in (0, len(text)):
        return False
    before, after = text[place - 1], text[place]
    if unicodedata.combining(after):
        return before.isalpha()
    if before.isdecimal() and after.isdecimal():
        return True
    return _is_letter(before) and _is_letter(after) and not (before.islower() and after.isupper())


def _is_letter(character: str) -> bool:
    return character.isalpha() and any(low <= ord(character) <= high for low, high in _ALPHABETS)
