"""Sparse maps from a teacher's vocabulary to a student's."""

from __future__ import annotations

import re

import numpy as np
from scipy import sparse

from tokenization.tokenizer import Tokenizer

_BYTE_FALLBACK = re.compile(r"<0x[0-9A-Fa-f]{2}>")


def retokenisation(teacher: Tokenizer, student: Tokenizer) -> sparse.csr_array:
    """Teacher pieces that spell each student piece, weighted by how many of its characters each one spells.

    Fast vocabulary transfer (Gee et al., EMNLP 2022 industry) takes a plain mean and strips ``##``, so that ``##true`` and
    ``true`` get one vector. Here a piece that continues a word is spelled by teacher pieces that continue one, and a piece
    that both vocabularies hold is copied. Every row sums to one: a piece that the teacher cannot spell takes its unknown
    token, and special tokens go by role.

    Returns:
        (student vocabulary, teacher vocabulary) matrix with non-negative rows that sum to one.
    """
    rows: list[int] = []
    columns: list[int] = []
    weights: list[float] = []
    role_of = {index: role for role, index in student.special_ids.items()}
    unknown = teacher.special_ids.get("unk", 0)
    for index, piece in enumerate(student.vocabulary):
        if index in role_of:
            parts = [(teacher.special_ids.get(role_of[index], unknown), 1.0)]
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
    return _shares(teacher, text, 0)


def _continuation(text: str, teacher: Tokenizer) -> list[tuple[int, float]]:
    """Spell the rest of a word: put a letter before it that the teacher cuts off, and drop that letter's piece."""
    whole = teacher.backend.token_to_id(f"##{text}") if teacher.continuation == "##" else None
    lower = teacher.backend.token_to_id(f"##{text.lower()}") if teacher.continuation == "##" else None
    found = whole if whole is not None else (lower if teacher.lowercases else None)
    if found is not None:
        return [(found, 1.0)]
    if teacher.continuation in ("Ġ", "▁"):
        # These families mark the start of a word, so the text glued to a letter is its unmarked form.
        found = teacher.backend.token_to_id(text)
        if found is not None:
            return [(found, 1.0)]
    if not text[0].isalnum():
        return _shares(teacher, text, 0)
    for head in ("x", "q", "zz"):
        parts = _shares(teacher, head + text, len(head))
        if parts:
            return parts
    return _shares(teacher, text, 0)


def _shares(teacher: Tokenizer, text: str, skip: int) -> list[tuple[int, float]]:
    """Teacher pieces of ``text[skip:]`` with the share of its characters; nothing if a piece straddles ``skip``."""
    encoding = teacher.backend.encode(text, add_special_tokens=False)
    spans = [
        (i, max(s, skip), e) for i, (s, e) in zip(encoding.ids, encoding.offsets, strict=True) if e > skip and e > s
    ]
    if skip and any(s < skip < e for s, e in encoding.offsets):
        return []
    total = sum(e - s for _, s, e in spans)
    return [(i, (e - s) / total) for i, s, e in spans] if total else []
