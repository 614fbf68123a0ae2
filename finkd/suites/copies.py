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

    def changed(texts: Sequence[str], seed: int) -> Iterator[list[Sentence]]:
        return with_similar_words([Sentence(text, tuple(word_spans(text))) for text in texts], model, how, seed)

    draw = np.random.Generator(np.random.PCG64(seed))
    share = how.share(sum(len(word_spans(text)) for each in examples for text in (each.first, each.second)))
    ones, others = [each.first for each in examples], [each.second for each in examples]
    for firsts, seconds in zip(changed(ones, 2 * seed), changed(others, 2 * seed + 1), strict=True):
        for example, first, second in zip(examples, firsts, seconds, strict=True):
            is_made = draw.random() < share
            if is_made and (first.text, second.text) != (example.first, example.second):
                yield replace(example, first=first.text, second=second.text)
