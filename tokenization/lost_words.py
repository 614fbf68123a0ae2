"""Words that one vocabulary holds whole and another cuts."""

from __future__ import annotations

import numpy as np

from finkd.tokenization.surface import canonical_forms
from finkd.tokenization.tokenizer import Longs, Tokenizer


def lost_words(teacher: Tokenizer, student: Tokenizer, shortest: int = 3) -> list[str]:
    """Words of letters alone that are one token of the teacher's and several of the student's.

    Args:
        teacher: the vocabulary that words come from; they are written as it writes them.
        student: the vocabulary that may have lost them.
        shortest: letters that a word must have.

    Returns:
        the words, in the order of the teacher's vocabulary.
    """
    forms = canonical_forms(teacher, fold=False).values()
    words = [text for text, continues in forms if not continues and text.isalpha() and len(text) >= shortest]
    whole = (_tokens(teacher, words) == 1) & (_tokens(student, words) > 1)
    return [words[index] for index in np.flatnonzero(whole)]


def _tokens(tokenizer: Tokenizer, words: list[str]) -> Longs:
    """(words,) tokens of each word, without the tokens that frame it."""
    tokens = tokenizer.encode(words)
    text = np.repeat(np.arange(len(words)), np.diff(tokens.rows))
    return np.bincount(text[~tokens.framing], minlength=len(words))
