"""Sparse maps from a teacher's vocabulary to a student's."""

from __future__ import annotations

import re

import numpy as np
from scipy import sparse
from tokenizers import pre_tokenizers

from tokenization.tokenizer import Tokenizer

_BYTE_LETTERS = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
_BYTE_FALLBACK = re.compile(r"<0x[0-9A-Fa-f]{2}>")


def retokenisation(teacher: Tokenizer, student: Tokenizer) -> sparse.csr_array:
    """Teacher pieces that spell each student piece, weighted by how many of its characters each one spells.

    Fast vocabulary transfer (Gee et al., EMNLP 2022 industry) takes a plain mean and strips ``##``, so that ``##true``
    and ``true`` get one vector. Here a piece that continues a word is spelled by teacher pieces that continue one, and
    a piece that both vocabularies hold is copied. Every row sums to one: a piece that the teacher cannot spell takes
    its unknown token, and special tokens go by role.

    Returns:
        (student vocabulary, teacher vocabulary) matrix with non-negative rows that sum to one.
    """
    rows: list[int] = []
    columns: list[int] = []
    weights: list[float] = []
    role_of = {index: role for role, index in student.special_ids.items()}
    unknown = teacher.special_ids.get("unk", 0)
    same_marks = teacher.continuation == student.continuation
    for index, piece in enumerate(student.vocabulary):
        shared = teacher.backend.token_to_id(piece) if same_marks else None
        if index in role_of:
            parts = [(teacher.special_ids.get(role_of[index], unknown), 1.0)]
        elif shared is not None:
            parts = [(shared, 1.0)]
        else:
            parts = _spelling(student, index, piece, teacher) or [(unknown, 1.0)]
        rows += [index] * len(parts)
        columns += [part for part, _ in parts]
        weights += [weight for _, weight in parts]
    shape = (len(student), len(teacher))
    return sparse.csr_array((np.array(weights, np.float32), (rows, columns)), shape=shape)


def surface(tokenizer: Tokenizer, index: int, piece: str) -> tuple[str, bool]:
    """Text that a piece stands for, and whether it continues a word rather than starting one.

    The tokenizer's own decoder undoes ``##``, byte-level letters and metaspace marks.
    """
    style = tokenizer.continuation
    if style == "##":
        return (piece[2:], True) if piece.startswith("##") and len(piece) > 2 else (piece, False)
    if style in ("Ġ", "▁"):
        if _BYTE_FALLBACK.fullmatch(piece):
            return "", True
        text = tokenizer.backend.decode([index], skip_special_tokens=False) if style == "Ġ" else piece
        return text.replace("▁", " ").strip().replace("\ufffd", ""), not piece.startswith(style)
    return piece, False


def _spelling(student: Tokenizer, index: int, piece: str, teacher: Tokenizer) -> list[tuple[int, float]]:
    text, continues = surface(student, index, piece)
    if not text:
        return []
    if continues:
        return _continuation(text, teacher)
    # Byte-level pieces carry the space before a word, so without it the teacher would read the middle of one.
    return _shares(teacher, text, before=" " if teacher.continuation == "Ġ" else "")


def _continuation(text: str, teacher: Tokenizer) -> list[tuple[int, float]]:
    """Spell the rest of a word: whole if the teacher has it so, else behind a letter that the teacher cuts off."""
    if teacher.continuation == "##" and not text[0].isalnum():
        # BERT cuts at every sign, so "##," stands in its vocabulary but no text has ever trained it.
        return _shares(teacher, text)
    for form in (text, text.lower()) if teacher.lowercases else (text,):
        found = teacher.backend.token_to_id(_inside_a_word(form, teacher))
        if found is not None:
            return [(found, 1.0)]
    for head in ("x", "q", "zz"):
        parts = _shares(teacher, text, before=head)
        if parts:
            return parts
    return _shares(teacher, text)


def _inside_a_word(text: str, teacher: Tokenizer) -> str:
    """How the teacher's vocabulary writes a piece that does not start a word."""
    if teacher.continuation == "Ġ":
        return _BYTE_LETTERS.pre_tokenize_str(text)[0][0]
    return f"##{text}" if teacher.continuation == "##" else text


def _shares(teacher: Tokenizer, text: str, before: str = "") -> list[tuple[int, float]]:
    """Teacher pieces of ``text`` behind ``before``, with the share of its characters that each one spells.

    Returns:
        nothing if a piece straddles the border (a space before the text belongs to it), or none spells anything.
    """
    encoding = teacher.backend.encode(before + text, add_special_tokens=False)
    border = len(before)
    if before.strip() and any(start < border < end for start, end in encoding.offsets):
        return []
    spans = [
        (index, end - max(start, border))
        for index, (start, end) in zip(encoding.ids, encoding.offsets, strict=True)
        if end > max(start, border)
    ]
    total = sum(size for _, size in spans)
    return [(index, size / total) for index, size in spans]
