"""What the entries of a vocabulary stand for, whatever marks their family writes."""

from __future__ import annotations

import re
from functools import cache

from finkd.tokenization.tokenizer import Tokenizer

BYTE_FALLBACK = re.compile(r"<0x[0-9A-F]{2}>")
_REPLACEMENT = "\ufffd"

Form = tuple[str, bool]


def surface(tokenizer: Tokenizer, index: int, token: str) -> Form:
    """Text that a token stands for, and whether it continues a word rather than starting one.

    ``##``, byte-level letters and metaspace marks are undone. A single byte of a longer character has no text.
    """
    style = tokenizer.continuation
    if index in tokenizer.literal:
        return token.strip(), False
    if style == "##":
        return (token[2:], True) if token.startswith("##") and len(token) > 2 else (token, False)
    if style in ("Ġ", "▁"):
        if BYTE_FALLBACK.fullmatch(token):
            return "", True
        text = _decoded(token) if style == "Ġ" else token
        return text.replace("▁", " ").strip().replace(_REPLACEMENT, ""), not token.startswith(style)
    return token, False


def canonical_forms(tokenizer: Tokenizer, fold: bool) -> dict[int, Form]:
    """What each entry that stands for text means: equal for entries of any two families that mean the same.

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


def byte_letters() -> dict[str, int]:
    """The 256 letters that byte-level vocabularies are spelt in (GPT-2's), with the byte of each."""
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
            return (f"<0x{_letters()[token]:02X}>", True) if len(token) == 1 else None
    text, continues = surface(tokenizer, index, token)
    return (text, continues and text[0].isalnum()) if text else None


def _decoded(token: str) -> str:
    letters = _letters()
    if any(letter not in letters for letter in token):
        return token
    return bytes(letters[letter] for letter in token).decode("utf-8", errors="replace")


@cache
def _letters() -> dict[str, int]:
    return byte_letters()
