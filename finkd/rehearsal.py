"""Text in which a student meets the names that its vocabulary has lost.

A teacher knows a rare name by an embedding of its own. A student whose vocabulary cuts that name can learn from its
pieces what it means, but only where a text shows it, and raw text shows few names more than once. So names in raw text
are exchanged for lost ones, and the teacher, which reads the same text, says what becomes of them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from corpora.sentence import Sentence
from corpora.tags import OUTSIDE
from finkd.evaluation import sentence_logits
from finkd.models import Model
from tokenization.lost_words import lost_words
from tokenization.tokenizer import Tokenizer


def lost_names(teacher: Model, student: Tokenizer) -> list[str]:
    """Words that a tagger takes for an entity when it reads them alone, and that a student's vocabulary has lost."""
    words = lost_words(teacher.tokenizer, student)
    scores = sentence_logits([Sentence.from_words([word]) for word in words], teacher)
    outside = teacher.labels.index(OUTSIDE)
    return [word for word, score in zip(words, scores, strict=True) if int(np.argmax(score[0])) != outside]


def with_other_names(sentences: Sequence[Sentence], names: Sequence[str], share: float, seed: int) -> list[Sentence]:
    """Copies of the sentences that hold likely names, some of which have become other words.

    Args:
        sentences: raw text; a likely name is a word of letters that begins with a capital and does not open its
            sentence, unless the sentence is all in capitals.
        names: what they become; each of these is used about as often as the others.
        share: of the likely names that are exchanged.
        seed: decides which, and for what.

    Returns:
        the sentences in which something was exchanged, in their order, without tags.
    """
    draw = random.Random(seed)
    supply: list[str] = []
    copies = []
    for sentence in sentences:
        if sentence.text.isupper() or not names:
            continue
        exchanged: dict[int, str] = {}
        for place, word in enumerate(sentence.words):
            if place and word.isalpha() and word[0].isupper() and draw.random() < share:
                if not supply:
                    supply = draw.sample(names, len(names))
                other = supply.pop()
                exchanged[place] = other.upper() if word.isupper() and len(word) > 1 else other[0].upper() + other[1:]
        if exchanged:
            copies.append(_exchange(sentence, exchanged))
    return copies


def _exchange(sentence: Sentence, exchanged: dict[int, str]) -> Sentence:
    parts, spans = [], []
    end = length = 0
    for place, (start, stop) in enumerate(sentence.spans):
        word = exchanged.get(place, sentence.text[start:stop])
        parts += [sentence.text[end:start], word]
        length += start - end
        spans.append((length, length + len(word)))
        length += len(word)
        end = stop
    parts.append(sentence.text[end:])
    return Sentence("".join(parts), tuple(spans), None, sentence.document)
