"""The text that vocabulary entries stand for, whatever marks their family writes, and words that a vocabulary lost."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import numpy.typing as npt

from finkd.tokenization.tokenizer import Tokenizer

BYTE_FALLBACK = re.compile(r"<0x[0-9A-F]{2}>")
_SIGN = re.compile(r"<([^\0-\x7f])>")
"""Name of a protected sign in a byte-level vocabulary, where the sign itself is the letter of a byte."""
_REPLACEMENT = "\ufffd"

Form = tuple[str, bool]


def surface(tokenizer: Tokenizer, index: int, token: str) -> Form:
    """Return the text that a token stands for, and whether it continues a word rather than starting one.

    ``##``, byte-level letters and metaspace marks are undone. A single byte of a longer character has no text.
    """
    style = tokenizer.continuation
    if index in tokenizer.literal:
        return _SIGN.sub(r"\1", token.strip()), False
    if style == "##":
        return (token[2:], True) if token.startswith("##") and len(token) > 2 else (token, False)
    if style in ("Ġ", "▁"):
        if BYTE_FALLBACK.fullmatch(token):
            return "", True
        text = _decoded(token) if style == "Ġ" else token
        return text.replace("▁", " ").strip().replace(_REPLACEMENT, ""), not token.startswith(style)
    return token, False


def canonical_forms(tokenizer: Tokenizer, fold: bool) -> dict[int, Form]:
    """Return the canonical form of each entry that stands for text, equal where entries of two families mean the same.

    Punctuation starts a word of its own whether or not the family marks it. A lone byte is ``<0xC3>`` and a lone mark
    a space in every family. Special tokens, and byte-level tokens that end within a character, are left out.

    Args:
        tokenizer: whose entries.
        fold: whether case is dropped.

    Returns:
        id -> (text, continues a word?).
    """
    special = {*tokenizer.special_ids.values()}
    found = {}
    for index, token in enumerate(tokenizer.vocabulary):
        form = _canonical(tokenizer, index, token) if token and index not in special else None
        if form is not None:
            found[index] = (form[0].lower(), form[1]) if fold else form
    return found


def lost_words(teacher: Tokenizer, student: Tokenizer, shortest: int = 3) -> list[str]:
    """List the words of letters alone that are one token of the teacher's and several of the student's.

    Args:
        teacher: the vocabulary that words come from; they are written as it writes them.
        student: the vocabulary that may have lost them.
        shortest: letters that a word must have.

    Returns:
        the words, in the order of the teacher's vocabulary.
    """

    def tokens(tokenizer: Tokenizer) -> npt.NDArray[np.int64]:
        encoded = tokenizer.encode([tokenizer.before_word + word for word in words])
        text = np.repeat(np.arange(len(words)), np.diff(encoded.rows))
        return np.bincount(text[~encoded.framing], minlength=len(words))

    forms = canonical_forms(teacher, fold=False).values()
    words = [text for text, continues in forms if not continues and text.isalpha() and len(text) >= shortest]
    whole = (tokens(teacher) == 1) & (tokens(student) > 1)
    return [words[index] for index in np.flatnonzero(whole)]


@cache
def byte_letters() -> dict[str, int]:
    """Return the 256 letters that byte-level vocabularies are spelt in (GPT-2's), with the byte of each."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in set(plain)]
    return {chr(byte): byte for byte in plain} | {chr(256 + place): byte for place, byte in enumerate(others)}


def _canonical(tokenizer: Tokenizer, index: int, token: str) -> Form | None:
    style = tokenizer.continuation
    if style in ("Ġ", "▁") and index not in tokenizer.literal:
        if token == style:
            return " ", False
        if BYTE_FALLBACK.fullmatch(token):
            return token, True
        if style == "Ġ" and _REPLACEMENT in _decoded(token):
            return (f"<0x{byte_letters()[token]:02X}>", True) if len(token) == 1 else None
    text, continues = surface(tokenizer, index, token)
    return (text, continues and text[0].isalnum()) if text else None


def _decoded(token: str) -> str:
    letters = byte_letters()
    if any(letter not in letters for letter in token):
        return token
    return bytes(letters[letter] for letter in token).decode("utf-8", errors="replace")
