"""Copies of a task's texts in which similar words stand, for a student to learn from what its teacher says of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from finkd.augmentation.similar_words import SimilarWords, with_similar_words
from finkd.corpora.segmentation import word_spans
from finkd.corpora.sentence import Sentence
from finkd.corpora.tasks.task import Example
from finkd.models.model import Model


def copies(examples: Sequence[Example], model: Model, how: SimilarWords, seed: int) -> Iterator[Example]:
    """Yield copies of texts in which some words have become similar ones.

    Args:
        examples: single texts, or pairs, both texts of which change. Their labels are those of the copies, which need
            not be true of them.
        model: whose token embeddings say which words are similar.
        how: how many copies, and how much of them changes.
        seed: of all choices.
    """
    if not how.copies:
        return
    draw = np.random.Generator(np.random.PCG64(seed))
    ones, others = (
        [Sentence(text, tuple(word_spans(text))) for text in texts]
        for texts in ([each.first for each in examples], [each.second for each in examples])
    )
    share = how.share(sum(len(sentence.words) for sentence in (*ones, *others)))
    if not share:
        return
    sides = with_similar_words(ones, model, how, 2 * seed), with_similar_words(others, model, how, 2 * seed + 1)
    for firsts, seconds in zip(*sides, strict=True):
        for example, first, second in zip(examples, firsts, seconds, strict=True):
            is_made = draw.random() < share
            if is_made and (first.text, second.text) != (example.first, example.second):
                yield replace(example, first=first.text, second=second.text)
