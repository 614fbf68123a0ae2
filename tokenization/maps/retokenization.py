"""Each entry of one vocabulary, spelled in the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from tokenizers import pre_tokenizers

from finkd.tokenization.maps.vocabulary_map import VocabularyMap, from_pairs, same_roles
from finkd.tokenization.surface import surface
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokens import Longs

_BYTE_LETTERS = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
_HEADS = ("x", "q", "zz")

Weights = Literal["characters", "mean", "written"]


@dataclass(frozen=True)
class Retokenization:
    """Teacher tokens that spell each student entry.

    Fast vocabulary transfer (Gee et al., EMNLP 2022 industry) spells entries likewise but strips ``##``, so that
    ``##true`` and ``true`` get one row. Here an entry that continues a word is spelled by teacher tokens that continue
    one, and an entry that both vocabularies hold is that entry. What the teacher cannot spell (half a character) has no
    counterpart.

    Attributes:
        weights: of the tokens of one entry. ``characters``: how many characters each spells; ``mean``: equal ones;
            ``written``: the length of each token as it is written, ``##`` and ``Ġ`` included, which is weighted
            vocabulary transfer (WVT) as the authors of fast vocabulary transfer released it (fvt/wvt.py).
    """

    weights: Weights = "characters"
    needs_text: ClassVar[bool] = False

    def __call__(self, teacher: Tokenizer, student: Tokenizer, texts: Iterable[str] = ()) -> VocabularyMap:
        """Map the vocabularies; rows hold the tokens of one spelling."""
        spelling = spell(student, teacher)
        weights = np.ones(len(spelling.entry))
        if self.weights == "characters":
            weights = spelling.size.astype(np.float64)
        elif self.weights == "written":
            weights = np.fromiter(map(len, teacher.vocabulary), np.float64, len(teacher))[spelling.token]
        return from_pairs(spelling.entry, spelling.token, weights, teacher, student)


@dataclass(frozen=True)
class Spelling:
    """The entries of one vocabulary in tokens of another; entries that cannot be spelled are left out.

    Attributes:
        entry: (pairs,) spelled entry, never falling.
        token: (pairs,) tokens of each entry, in the order of the text.
        size: (pairs,) characters that the token spells.
    """

    entry: Longs
    token: Longs
    size: Longs

    @property
    def place(self) -> Longs:
        """(pairs,) number of each token within its entry, from 0."""
        first = np.searchsorted(self.entry, self.entry)
        return np.arange(len(self.entry)) - first


def spell(entries: Tokenizer, by: Tokenizer) -> Spelling:
    """Spell every entry of one vocabulary in tokens of the other; special tokens go by role."""
    same_marks = entries.continuation == by.continuation
    special = {*entries.special_ids.values()}
    known = same_roles(by, entries)
    starting: dict[int, str] = {}
    continuing: dict[int, str] = {}
    for index, token in enumerate(entries.vocabulary):
        if not token or index in special:
            continue
        shared = by.backend.token_to_id(token) if same_marks else None
        if shared is not None:
            known[index] = shared
            continue
        text, continues = surface(entries, index, token)
        if text:
            (continuing if continues else starting)[index] = text
    parts = [_whole(known), _tokenized(by, starting, by.before_word)]
    return _known(_joined([*parts, *_continuations(by, continuing)]), entries, by)


def _known(spelling: Spelling, entries: Tokenizer, by: Tokenizer) -> Spelling:
    """Without the entries that are unknown as a whole; the unknown token itself stays."""
    means_something = spelling.token != by.special_ids.get("unk", -1)
    means_something |= spelling.entry == entries.special_ids.get("unk", -1)
    kept = np.isin(spelling.entry, spelling.entry[means_something])
    return Spelling(spelling.entry[kept], spelling.token[kept], spelling.size[kept])


def _continuations(by: Tokenizer, texts: Mapping[int, str]) -> list[Spelling]:
    """Spell the rest of words: whole if there is such a token, else behind a letter that is left out again."""
    # BERT splits at every sign, so "##," stands in its vocabulary but no text has ever trained it.
    signs = by.continuation == "##"
    alone = {index: text for index, text in texts.items() if signs and not text[0].isalnum()}
    whole: dict[int, int] = {}
    rest: dict[int, str] = {}
    for index, text in texts.items():
        if index in alone:
            continue
        forms = (text, text.lower()) if by.lowercases else (text,)
        held = (by.backend.token_to_id(_inside_a_word(form, by)) for form in forms if form)
        found = next((token for token in held if token is not None), None)
        if found is None:
            rest[index] = text
        else:
            whole[index] = found
    parts = [_whole(whole), _tokenized(by, alone, "")]
    for head in (*_HEADS, ""):
        part = _tokenized(by, rest, head)
        parts.append(part)
        done = set(part.entry.tolist())
        rest = {index: text for index, text in rest.items() if index not in done}
    return parts


def _inside_a_word(text: str, by: Tokenizer) -> str:
    """Return how a vocabulary writes a token that does not start a word."""
    if by.continuation == "Ġ":
        return _BYTE_LETTERS.pre_tokenize_str(text)[0][0]
    return f"##{text}" if by.continuation == "##" else text


def _tokenized(by: Tokenizer, texts: Mapping[int, str], before: str) -> Spelling:
    """Return the tokens of each text behind ``before``, and how many of its characters each one spells.

    Left out are texts of which no token spells anything, and those with a token that straddles the border to
    ``before`` (a space before the text belongs to it).
    """
    encodings = by.backend.encode_batch([before + text for text in texts.values()], add_special_tokens=False)
    counts = np.fromiter(map(len, encodings), np.int64, len(encodings))
    entry = np.repeat(np.fromiter(texts, np.int64, len(texts)), counts)
    token = np.array([index for encoding in encodings for index in encoding.ids], np.int64)
    spans = np.array([span for encoding in encodings for span in encoding.offsets], np.int64).reshape(-1, 2)
    border = len(before)
    size = spans[:, 1] - np.maximum(spans[:, 0], border)
    kept = size > 0
    if before.strip():
        straddling = (spans[:, 0] < border) & (spans[:, 1] > border)
        kept &= ~np.isin(entry, entry[straddling])
    return Spelling(entry[kept], token[kept], size[kept])


def _whole(pairs: Mapping[int, int]) -> Spelling:
    entry = np.fromiter(pairs.keys(), np.int64, len(pairs))
    return Spelling(entry, np.fromiter(pairs.values(), np.int64, len(pairs)), np.ones(len(pairs), np.int64))


def _joined(parts: Sequence[Spelling]) -> Spelling:
    entry = np.concatenate([part.entry for part in parts])
    order = np.argsort(entry, kind="stable")
    token = np.concatenate([part.token for part in parts])
    return Spelling(entry[order], token[order], np.concatenate([part.size for part in parts])[order])
