"""Entity replacement: raw text with names that the student's vocabulary has lost.

A teacher has an embedding for some rare names that the student's vocabulary splits. The student learns them only from
text, and raw text holds few names more than once. So names in raw text are replaced by lost ones, and the teacher's
outputs on the new text are distilled.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import OUTSIDE
from finkd.inference.tagger import sentence_logits
from finkd.models.model import Model
from finkd.tokenization.surface import lost_words
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.trainers.counting import likely_names


def lost_names(teacher: Model, student: Tokenizer) -> list[str]:
    """Return the lost words of a student's vocabulary that the teacher tags as entities without context."""
    words = lost_words(teacher.tokenizer, student)
    scores = sentence_logits([Sentence.from_words([word]) for word in words], teacher)
    outside = teacher.labels.index(OUTSIDE)
    return [word for word, score in zip(words, scores, strict=True) if int(np.argmax(score[0])) != outside]


def with_other_names(sentences: Sequence[Sentence], names: Sequence[str], times: int, seed: int) -> list[Sentence]:
    """Copy sentences and replace about half of the likely names.

    Args:
        sentences: raw text; its likely names (``counting.likely_names``) of letters alone are replaced.
        names: the new names.
        times: number of uses of each new name; sentences are copied as often as necessary.
        seed: of all choices.

    Returns:
        the copies, without tags; none if no sentence holds a likely name.
    """
    draw = random.Random(seed)
    hosts = []
    for sentence in sentences:
        likely = likely_names(sentence.text, sentence.words)
        if places := [place for place in likely if sentence.words[place].isalpha()]:
            hosts.append((sentence, places))
    supply = [name for _ in range(times) for name in draw.sample(names, len(names))]
    copies: list[Sentence] = []
    while supply and hosts:
        for sentence, places in draw.sample(hosts, len(hosts)):
            chosen = draw.sample(places, (len(places) + 1) // 2)[: len(supply)]
            copies.append(sentence.with_words({place: supply.pop() for place in chosen}))
            if not supply:
                break
    return copies
