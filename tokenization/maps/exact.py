"""Entries that mean the same in both vocabularies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from finkd.tokenization.maps.vocabulary_map import VocabularyMap, one_to_one, same_roles
from finkd.tokenization.surface import Form, canonical_forms
from finkd.tokenization.tokenizer import Tokenizer


@dataclass(frozen=True)
class Exact:
    """Entries with the same text that agree on whether they start a word or continue one.

    ``##ing`` (WordPiece), ``ing`` (byte-level) and ``ing`` (metaspace) are equal, and none of them is ``Ġing``. Where
    one side drops case, so does the comparison; an entry that is spelled the same then comes before one that is not.
    """

    needs_text: ClassVar[bool] = False

    def __call__(self, teacher: Tokenizer, student: Tokenizer, texts: Iterable[str] = ()) -> VocabularyMap:
        """Map the vocabularies; rows hold a single one, or nothing."""
        return one_to_one(self.pairs(teacher, student), teacher, student)

    def pairs(self, teacher: Tokenizer, student: Tokenizer) -> dict[int, int]:
        """Map student's entries to teacher's entries that mean the same, special tokens by role among them."""
        return {**self.equal(teacher, student), **same_roles(teacher, student)}

    def equal(self, teacher: Tokenizer, student: Tokenizer) -> dict[int, int]:
        """Map student's entries to teacher's entries that mean the same, special tokens left out."""
        found: dict[int, int] = {}
        if teacher.continuation == student.continuation:
            found |= _written_the_same(teacher, student)
        found = _by_form(teacher, student, fold=False) | found
        if teacher.lowercases or student.lowercases:
            found = _by_form(teacher, student, fold=True) | found
        return found


def _by_form(teacher: Tokenizer, student: Tokenizer, fold: bool) -> dict[int, int]:
    known: dict[Form, int] = {}
    for index, form in canonical_forms(teacher, fold).items():
        known.setdefault(form, index)
    return {index: known[form] for index, form in canonical_forms(student, fold).items() if form in known}


def _written_the_same(teacher: Tokenizer, student: Tokenizer) -> dict[int, int]:
    """Under the same marks, spelling alone says it, of tokens that end within a character too."""
    known = {token: index for index, token in enumerate(teacher.vocabulary) if token}
    for index in teacher.special_ids.values():
        known.pop(teacher.vocabulary[index], None)
    special = {*student.special_ids.values()}
    return {
        index: known[token] for index, token in enumerate(student.vocabulary) if token in known and index not in special
    }
