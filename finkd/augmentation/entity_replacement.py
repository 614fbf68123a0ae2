"""Text in which a student meets the names that its vocabulary has lost.

A teacher knows a rare name by an embedding of its own. A student whose vocabulary cuts that name can learn from its
tokens what it means, but only where a text shows it, and raw text shows few names more than once. So names in raw text
are exchanged for lost ones, and the teacher, which reads the same text, says what becomes of them.
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
    """Words that a tagger takes for an entity when it reads them alone, and that a student's vocabulary has lost."""
    words = lost_words(teacher.tokenizer, student)
    scores = sentence_logits([Sentence.from_words([word]) for word in words], teacher)
    outside = teacher.labels.index(OUTSIDE)
    return [word for word, score in zip(words, scores, strict=True) if int(np.argmax(score[0])) != outside]


def with_other_names(sentences: Sequence[Sentence], names: Sequence[str], times: int, seed: int) -> list[Sentence]:
    """Copies of sentences in which about half of the likely names have become other ones.

    Args:
        sentences: raw text; of its likely names (``counting.likely_names``) those of letters alone are exchanged.
        names: what likely names become.
        times: how often each of these is used; sentences are copied as often as that takes.
        seed: decides what becomes what.

    Returns:
        the copies, without tags; none if no sentence holds a likely name.
    """
    draw = random.Random(seed)
    hosts = [(sentence, places) for sentence in sentences if (places := _places(sentence))]
    supply = [name for _ in range(times) for name in draw.sample(names, len(names))]
    copies: list[Sentence] = []
    while supply and hosts:
        for sentence, places in draw.sample(hosts, len(hosts)):
            chosen = draw.sample(places, (len(places) + 1) // 2)[: len(supply)]
            copies.append(sentence.with_words({place: supply.pop() for place in chosen}))
            if not supply:
                break
    return copies


def _places(sentence: Sentence) -> list[int]:
    """Indices of the words that other names may take the place of."""
    return [place for place in likely_names(sentence.text, sentence.words) if sentence.words[place].isalpha()]
