"""The entry with the nearest spelling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from finkd.tokenization.maps.exact import Exact
from finkd.tokenization.maps.vocabulary_map import VocabularyMap, one_to_one
from finkd.tokenization.surface import canonical_forms
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokens import Longs

_BLOCK = 256


@dataclass(frozen=True)
class MinED:
    """Equal entries, and for each other one the teacher's entry with the smallest normalised Levenshtein distance.

    This is FuseLLM's MinED (Wan et al., arXiv 2401.10491) on canonical forms, so that the start of a word is compared
    with starts and its continuation with continuations. Of equally near entries the one with the lowest id is taken.

    Attributes:
        furthest: largest distance over the longer spelling's length, from 0 to 1; what is further has no counterpart.
    """

    furthest: Annotated[float, Field(ge=0, le=1)] = 0.5
    needs_text: ClassVar[bool] = False

    def __call__(self, teacher: Tokenizer, student: Tokenizer, texts: Iterable[str] = ()) -> VocabularyMap:
        """Map the vocabularies; rows hold a single one, or nothing. At most 256 rows of distances are held."""
        pairs = Exact().pairs(teacher, student)
        fold = teacher.lowercases or student.lowercases
        theirs, ours = canonical_forms(teacher, fold), canonical_forms(student, fold)
        for continues in (False, True):
            choices = {index: text for index, (text, inside) in theirs.items() if inside is continues}
            queries = {
                index: text for index, (text, inside) in ours.items() if inside is continues and index not in pairs
            }
            nearest = _nearest(list(queries.values()), list(choices.values()), self.furthest)
            ids = list(choices)
            pairs |= {index: ids[at] for index, at in zip(queries, nearest.tolist(), strict=True) if at >= 0}
        return one_to_one(pairs, teacher, student)


def _nearest(queries: Sequence[str], choices: Sequence[str], furthest: float) -> Longs:
    """Return the (queries,) place of the nearest choice, -1 if none is near enough."""
    found = np.full(len(queries), -1, np.int64)
    if not choices:
        return found
    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK]
        distances = cdist(
            block, choices, scorer=Levenshtein.normalized_distance, score_cutoff=furthest, dtype=np.float32
        )
        at = distances.argmin(axis=1)
        # Beyond the cutoff rapidfuzz says 1, which furthest=1 must not mistake for a find.
        near = distances[np.arange(len(block)), at] <= min(furthest, np.nextafter(np.float32(1), np.float32(0)))
        found[start : start + len(block)] = np.where(near, at, -1)
    return found
