"""Copies of a task's texts in which other words stand, for a student to learn from what its teacher says of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from finkd.augmentation.word_replacement import Augment, changed_texts
from finkd.corpora.segmentation import word_spans
from finkd.corpora.sentence import Sentence
from finkd.corpora.tasks.task import Example
from finkd.models.model import Model
from finkd.progress import Listener


def with_other_words(
    examples: Sequence[Example], masked_lm: Model, how: Augment, seed: int, listen: Listener | None = None
) -> Iterator[Example]:
    """Yield copies of texts in which a masked language model put other words.

    Args:
        examples: single texts, or pairs, both texts of which change. Their labels are those of the copies, which need
            not be true of them.
        masked_lm: predicts the words.
        how: how many copies, and how much of them changes.
        seed: of all choices.
        listen: called after every batch.

    Raises:
        ConfigError: if the model has no masked-LM head.
    """

    def changed(texts: Sequence[str], seed: int) -> Iterator[list[str]]:
        sentences = [Sentence(text, tuple(word_spans(text))) for text in texts]
        return changed_texts(sentences, masked_lm, how, seed, listen=listen)

    ones, others = [each.first for each in examples], [each.second for each in examples]
    sides = changed(ones, 2 * seed), changed(others, 2 * seed + 1)
    for firsts, seconds in zip(*sides, strict=True):
        for example, first, second in zip(examples, firsts, seconds, strict=True):
            if (first, second) != (example.first, example.second):
                yield replace(example, first=first, second=second)
