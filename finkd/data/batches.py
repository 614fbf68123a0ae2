"""Batches of similar length that hold a budget of tokens, planned from the seed alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from corpora.sentence import Sentence
from finkd.data.arrays import Array
from finkd.data.collator import Inputs, aligned, inputs, on_grid
from finkd.data.dataset import cut, side
from finkd.data.encoding import WINDOW, Encoded
from finkd.losses.alignment import Aligned
from finkd.losses.term import HIDING
from finkd.models.model import Model
from tokenization.alignment import Alignment, align, first_tokens, words_of_tokens
from tokenization.mixing import mix
from tokenization.tokenizer import Longs, Tokenizer, Tokens, members

Keep = Callable[[Iterable[Sentence], Mapping[str, Tokenizer], Sequence[str], int], Mapping[str, Array]]
"""Takes sentences, tokenizers by side, labels and the most tokens of an example to the arrays of ``cutting.cut``."""

Integers = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

_POOL = 64


def plan(lengths: Longs, budget: int, seed: int, epoch: int) -> list[Longs]:
    """Which examples go into which batch: shuffled, sorted by length within pools, cut by budget, shuffled again.

    The plan depends on nothing but its arguments, so an interrupted epoch can be taken up at any batch.

    Args:
        lengths: (examples,) tokens of each example.
        budget: tokens of one batch after padding; an example that is longer stands alone.
        seed: seed of the run.
        epoch: number of the pass over the data.

    Returns:
        index arrays that together hold every example once.
    """
    random = np.random.Generator(np.random.PCG64([seed, epoch]))
    order = random.permutation(len(lengths))
    pool = max(1, _POOL * budget // max(1, int(lengths.mean()) if len(lengths) else 1))
    batches: list[Longs] = []
    for start in range(0, len(order), pool):
        batches += by_length(order[start : start + pool], lengths, budget)
    return [batches[i] for i in random.permutation(len(batches))]


def by_length(rows: Longs, lengths: Longs, budget: int) -> list[Longs]:
    """Sort examples, the longest first, and cut them into batches that hold a budget after padding.

    Batches of one padded length have one number of examples, so that few shapes occur (``collator.on_grid``).
    """
    order = rows[np.argsort(-lengths[rows], kind="stable")]
    batches = []
    start = 0
    while start < len(order):
        stop = start + max(1, budget // max(1, on_grid(int(lengths[order[start]]))))
        batches.append(order[start:stop])
        start = stop
    return batches


@dataclass(frozen=True)
class Batch:
    """What one training step sees; it holds only words that both tokenizers cover.

    Attributes:
        student: the student's input.
        labels: (words,) gold label ids, ``IGNORED`` where there is none.
        words: (words,) index of each word among all words of the data set.
        teacher: the teacher's input, if there is a teacher whose states a loss needs.
        aligned: how the two lie over each other, if a loss needs it.
    """

    student: Inputs
    labels: Tensor
    words: Tensor
    teacher: Inputs | None = None
    aligned: Aligned | None = None


_PAIRED = frozenset({"hidden", "attention", "masked", "everywhere", "embeddings"})


@dataclass(frozen=True)
class TrainingData:
    """Examples as a training loop takes them.

    Attributes:
        student: the examples, stretches of text that fit all models that read them, under the student's tokenizer.
        starts: (words,) first character of each word in its example.
        ends: (words,) character after its last one.
        labels: (words,) gold label ids or ``IGNORED``; numbers where a number is to be learnt.
        usable: (words,) False for words that no loss may look at: context of a window, or unseen by a tokenizer.
        words: (words,) number of each word among the words of all sentences; those that two windows share come twice.
        teacher: the same examples under the teacher's tokenizer, if what it computes is needed.
        masking: chance of a word to be hidden where a term needs hidden text, of all alike or (words,) of each.
        limit: most tokens that all models have room for.
    """

    student: Encoded
    starts: Integers
    ends: Integers
    labels: Integers | Floats
    usable: Bools
    words: Longs
    teacher: Encoded | None = None
    masking: float | Floats = 0.15
    limit: int = WINDOW

    @classmethod
    def of(
        cls,
        sentences: Iterable[Sentence],
        student: Model,
        labels: Sequence[str] = (),
        teacher: Model | None = None,
        limit: int = WINDOW,
        keep: Keep = cut,
    ) -> TrainingData:
        """Sentences as a student reads them, and its teacher.

        Args:
            sentences: their tags are read if there are labels.
            student: whose tokenizer cuts the text.
            labels: of the corpus, in the order of the ids; without labels no word has one.
            teacher: the same, if what it computes is needed.
            limit: most tokens of a window, if the models have room for as many.
            keep: ``cut``, or what keeps its result for another time.
        """
        models = {"student": student} if teacher is None else {"student": student, "teacher": teacher}
        limit = min(limit, *(model.max_length for model in models.values()))
        arrays = keep(sentences, {name: model.tokenizer for name, model in models.items()}, labels, limit)
        return cls(
            side(arrays, "student", student.tokenizer),
            starts=arrays["starts"],
            ends=arrays["ends"],
            labels=arrays["labels"],
            usable=arrays["usable"],
            words=arrays["words"],
            teacher=side(arrays, "teacher", teacher.tokenizer) if teacher else None,
            limit=limit,
        )

    @property
    def lengths(self) -> Longs:
        """(examples,) tokens of each example under the tokenizer that cuts it finer."""
        return self.student.lengths if self.teacher is None else np.maximum(self.student.lengths, self.teacher.lengths)

    def batch(
        self, rows: Longs, needs: frozenset[str] = frozenset(), seed: Sequence[int] = (0,), mixed: float = 0.0
    ) -> Batch:
        """Collate examples.

        Args:
            rows: the chosen ones.
            needs: what the loss terms look at (``finkd.losses.term.NEEDS``).
            seed: decides what is mixed and hidden.
            mixed: share of the chunks that the student reads in the teacher's tokens, whose ids then follow its own.
        """
        tokens = self.student.tokens.take(rows)
        words, _ = members(self.student.word_rows, rows)
        if not (needs & _PAIRED or mixed):
            words, first = self._covered(rows, words, tokens)
            return Batch(inputs(self.student, tokens, first[0], self.limit), *self._labels(words))
        random = np.random.Generator(np.random.PCG64([*seed]))
        # Without a teacher the student is aligned with itself, so that text can be hidden in the same way.
        other = (self.teacher or self.student).tokens.take(rows)
        alignment = align(other, tokens)
        if mixed:
            both = mix(alignment, random.random(alignment.chunk_count) < mixed, self.student.size)
            if np.diff(both.rows).max(initial=0) <= self.limit:  # a mixture may be longer than either of its parts
                tokens, alignment = both, align(other, both)
        hidden = np.zeros(max(alignment.chunk_count, 1), np.bool_)
        if needs & HIDING:
            chance = self.masking if isinstance(self.masking, float) else self.masking[words]
            self._hide(hidden, rows, words, alignment, random.random(len(words)) < chance)
        theirs, ours = ((side >= 0) & hidden[side] for side in alignment.chunks)
        words, first = self._covered(rows, words, tokens, other)
        return Batch(
            inputs(self.student, tokens, first[0], self.limit, ours),
            *self._labels(words),
            inputs(self.teacher, other, first[1], self.limit, theirs) if self.teacher else None,
            aligned(alignment, needs, hidden),
        )

    def _labels(self, words: Longs) -> tuple[Tensor, Tensor]:
        labels = self.labels[words]
        kind = np.float32 if labels.dtype.kind == "f" else np.int64
        return torch.from_numpy(labels.astype(kind)), torch.from_numpy(words)

    def _spans(self, rows: Longs, words: Longs) -> tuple[Longs, Longs, Longs]:
        """Starts and ends of words, and the (rows + 1,) borders of the chosen examples among them."""
        borders = members(self.student.word_rows, rows)[1]
        return self.starts[words].astype(np.int64), self.ends[words].astype(np.int64), borders

    def _covered(self, rows: Longs, words: Longs, *sides: Tokens) -> tuple[Longs, Longs]:
        """The words that losses may look at, and (sides, words) the first token of each within the batch."""
        starts, ends, borders = self._spans(rows, words)
        first = np.stack([first_tokens(tokens, starts, ends, borders) for tokens in sides])
        kept = self.usable[words] & (first >= 0).all(axis=0)
        return words[kept], first[:, kept]

    def _hide(self, hidden: Bools, rows: Longs, words: Longs, alignment: Alignment, drawn: Bools) -> None:
        """Mark the chunks of which any token, on either side, begins in a word that was drawn."""
        starts, ends, borders = self._spans(rows, words)
        for tokens, chunks in zip((alignment.teacher, alignment.student), alignment.chunks, strict=True):
            word = words_of_tokens(tokens, starts, ends, borders)
            inside = (word >= 0) & (chunks >= 0)
            hidden[chunks[inside][drawn[word[inside]]]] = True
