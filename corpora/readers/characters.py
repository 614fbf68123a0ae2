"""Characters allowed in words and labels, the same in every format.

A text holds any character. A word holds no control character, since that is mostly an unnoticed line end or
column; the C1 controls but U+0085 pass, as published words hold some (quotation marks of Windows-1252 that were read as
Latin-1). A label holds nothing that cannot be seen, since two labels that look the same would be two types.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable

from finkd.corpora.errors import quoted
from finkd.corpora.readers import limits

CONTROLS = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")
_NAMES = {
    "\0": "NUL",
    "\t": "tab",
    "\n": "line feed",
    "\v": "vertical tab",
    "\f": "form feed",
    "\r": "carriage return",
    "\x7f": "DELETE",
    "\x85": "NEXT LINE",
}
# Default_Ignorable_Code_Point of Unicode, as far as the category does not say so, and the empty braille pattern.
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Letters and dashes that look like Latin ones in most fonts (Unicode TR 39, the part that matters for labels).
_LOOKS = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеіјорсухѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧο‐‑‒–−",
    "ABESIJKMHOPCTYXaeijopcyxsABEZHIKMNOPTYXo-----",
)


def named(character: str) -> str:
    """Return a character as people can look it up, such as ``U+200B ZERO WIDTH SPACE``."""
    return f"U+{ord(character):04X} {_NAMES.get(character) or unicodedata.name(character, 'control character')}"


def clean_word(text: str) -> str:
    """Return a word without the white space around it.

    Raises:
        ValueError: if nothing is left, or a control character stands inside.
    """
    word = text.strip()
    if not word:
        raise ValueError("found an empty word; expected a word and its tag")
    control = CONTROLS.search(word)
    if control:
        raise ValueError(f"found {named(control[0])} inside the word {quoted(word)}; expected one word")
    return word


def clean_label(text: str) -> str:
    """Return a label in Unicode's normal form C, without the spaces and tabs around it.

    Raises:
        ValueError: if nothing is left, it is very long, or holds a character that cannot be seen.
    """
    if len(text) > limits.LABEL_CHARACTERS:
        raise ValueError(f"found a label of {len(text)} characters; expected {limits.LABEL_CHARACTERS} at most")
    return _clean_label(text)


@functools.lru_cache(maxsize=4096)
def _clean_label(text: str) -> str:
    label = unicodedata.normalize("NFC", text.strip(" \t"))
    if not label:
        raise ValueError("found an empty label; expected a name")
    hidden = next((character for character in label if _is_hidden(character)), None)
    if hidden:
        raise ValueError(f"found {named(hidden)} in the label {quoted(label)}; expected characters that can be seen")
    if "  " in label:
        raise ValueError(f"found several spaces in a row in the label {quoted(label)}; expected one")
    return label


def clean_tag(text: str) -> str:
    """Return a tag, prefix and label, by the rules for a label.

    Raises:
        ValueError: likewise, and if white space stands between prefix and label.
    """
    tag = clean_label(text)
    if "- " in tag[:3] or " -" in tag[:3]:
        raise ValueError(f"found a space beside the hyphen of the tag {quoted(tag)}; expected a tag such as 'B-ORG'")
    return tag


def _is_hidden(character: str) -> bool:
    is_plain = character == " " or unicodedata.category(character)[0] not in "CZ"
    return not is_plain or _IGNORABLE.match(character) is not None


def look_alikes(labels: Iterable[str]) -> tuple[str, str] | None:
    """Return two labels that look the same although their letters differ, the one with fewer foreign letters first."""
    return _alike(labels, lambda label: label.translate(_LOOKS))


def case_variants(labels: Iterable[str]) -> tuple[str, str] | None:
    """Return two labels that differ in case, width or typographic form alone."""
    return _alike(labels, lambda label: unicodedata.normalize("NFKC", label).casefold())


def _alike(labels: Iterable[str], key: Callable[[str], str]) -> tuple[str, str] | None:
    seen: dict[str, str] = {}
    for label in sorted(labels):
        other = seen.setdefault(key(label), label)
        if other != label:
            return other, label
    return None


def foreign_character(label: str) -> str:
    """Return the first character of a label that looks like another one."""
    return next(character for character in label if character.translate(_LOOKS) != character)
