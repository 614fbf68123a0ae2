"""Collate examples of student and teacher into batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from finkd.corpora.sentence import Sentence
from finkd.data.arrays import Array
from finkd.data.collator import ModelInputs, align_batch, model_inputs
from finkd.data.dataset import cut, side
from finkd.data.encoding import WINDOW, Encoded
from finkd.losses.alignment import BatchAlignment
from finkd.losses.term import MASKING, OF_WORDS, Requirement
from finkd.models.model import Model
from finkd.tokenization.alignment import Alignment, align, first_tokens, mix_tokens, words_of_tokens
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokens import Longs, Tokens, members

Keep = Callable[[Iterable[Sentence], Mapping[str, Tokenizer], Sequence[str], int], Mapping[str, Array]]
"""Takes sentences, tokenizers by side, labels and the most tokens of an example to arrays, as ``dataset.cut`` does."""

Integers = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Batch:
    """Inputs of one training step, of words that both tokenizers cover.

    Attributes:
        student: the student's input.
        labels: (words,) gold label ids, ``IGNORED`` where there is none.
        word_ids: (words,) index of each word among all words of the data set.
        sequences: (words,) number of the sequence that each word belongs to: words of an example without a gap.
        goes_on: (words,) whether its example goes on within a sentence that began in the one before.
        teacher: the teacher's input, if there is a teacher whose states a loss needs.
        alignment: alignment of both, if a loss requires it.
    """

    student: ModelInputs
    labels: Tensor
    word_ids: Tensor
    sequences: Tensor
    goes_on: Tensor
    teacher: ModelInputs | None = None
    alignment: BatchAlignment | None = None


_PAIRED = ~OF_WORDS
"""Requirements for which both tokenizations are aligned."""


@dataclass(frozen=True)
class TrainingData:
    """Encoded examples of a training, for student and teacher.

    Attributes:
        student: the examples, stretches of text that fit all models that read them, under the student's tokenizer.
        starts: (words,) first character of each word in its example.
        ends: (words,) character after its last one.
        labels: (words,) gold label ids or ``IGNORED``; numbers where a number is to be learnt.
        usable: (words,) False for words that no loss may look at: context of a window, or unseen by a tokenizer.
        word_ids: (words,) number of each word among those of all sentences; words that two windows share come twice.
        teacher: the same examples under the teacher's tokenizer, if what it computes is needed.
        masking: probability that a word is masked where a term requires it, for all of them or (words,).
        limit: most tokens that all models have room for.
    """

    student: Encoded
    starts: Integers
    ends: Integers
    labels: Integers | Floats
    usable: Bools
    word_ids: Longs
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
        """Encode sentences for a student and its teacher.

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
            word_ids=arrays["words"],
            teacher=side(arrays, "teacher", teacher.tokenizer) if teacher else None,
            limit=limit,
        )

    @property
    def lengths(self) -> Longs:
        """(examples,) tokens of each example, under the tokenizer that gives more."""
        return self.student.lengths if self.teacher is None else np.maximum(self.student.lengths, self.teacher.lengths)

    def batch(
        self, rows: Longs, requirements: Requirement = Requirement.NONE, seed: Sequence[int] = (0,), mixed: float = 0.0
    ) -> Batch:
        """Collate examples.

        Args:
            rows: the chosen ones.
            requirements: what the loss terms look at (``finkd.losses.term.Requirement``).
            seed: decides what is mixed and masked.
            mixed: share of the chunks that the student reads in the teacher's tokens, whose ids then follow its own.
        """
        tokens = self.student.tokens.take(rows)
        words, _ = members(self.student.word_rows, rows)
        reads_both = requirements & _PAIRED or (self.teacher is not None and Requirement.WORD_LOGITS in requirements)
        if not (reads_both or mixed):
            words, first = self._covered(rows, words, tokens)
            return Batch(model_inputs(self.student, tokens, first[0], self.limit), *self._words(words))
        random = np.random.Generator(np.random.PCG64([*seed]))
        # Without a teacher the student is aligned with itself, so that text can be masked in the same way.
        other = (self.teacher or self.student).tokens.take(rows)
        alignment = align(other, tokens)
        if mixed:
            both = mix_tokens(alignment, random.random(alignment.chunk_count) < mixed, self.student.size)
            if np.diff(both.rows).max(initial=0) <= self.limit:  # a mixture may be longer than either of its parts
                tokens, alignment = both, align(other, both)
        masked = np.zeros(max(alignment.chunk_count, 1), np.bool_)
        if requirements & MASKING:
            chance = self.masking if isinstance(self.masking, float) else self.masking[words]
            self._mask(masked, rows, words, alignment, random.random(len(words)) < chance)
        theirs, ours = ((side >= 0) & masked[side] for side in alignment.chunks)
        words, first = self._covered(rows, words, tokens, other)
        return Batch(
            model_inputs(self.student, tokens, first[0], self.limit, ours),
            *self._words(words),
            model_inputs(self.teacher, other, first[1], self.limit, theirs) if self.teacher else None,
            align_batch(alignment, requirements, masked),
        )

    def _words(self, words: Longs) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the labels, word ids, sequences and ``goes_on`` of words."""
        labels = self.labels[words]
        kind = np.float32 if labels.dtype.kind == "f" else np.int64
        examples = np.searchsorted(self.student.word_rows, words, side="right") - 1
        is_new = np.diff(examples, prepend=-1) != 0
        goes_on = self._goes_on[examples] & is_new
        is_new |= np.diff(words, prepend=-1) != 1
        found = labels.astype(kind), words, np.cumsum(is_new), goes_on
        return tuple(map(torch.from_numpy, found))  # type: ignore[return-value]

    @cached_property
    def _goes_on(self) -> Bools:
        """(examples,) True for windows that share words with the one before: they lie in the same sentence."""
        first = self.student.word_rows[:-1]
        shared = np.zeros(len(first), np.bool_)
        inside = (first > 0) & (first < len(self.word_ids))
        shared[inside] = self.word_ids[first[inside]] <= self.word_ids[first[inside] - 1]
        return shared

    def _spans(self, rows: Longs, words: Longs) -> tuple[Longs, Longs, Longs]:
        """Return the starts and ends of words, and the (rows + 1,) borders of the chosen examples."""
        borders = members(self.student.word_rows, rows)[1]
        return self.starts[words].astype(np.int64), self.ends[words].astype(np.int64), borders

    def _covered(self, rows: Longs, words: Longs, *sides: Tokens) -> tuple[Longs, Longs]:
        """Return the words that losses may read, and (sides, words) their first tokens within the batch."""
        starts, ends, borders = self._spans(rows, words)
        first = np.stack([first_tokens(tokens, starts, ends, borders) for tokens in sides])
        kept = self.usable[words] & (first >= 0).all(axis=0)
        return words[kept], first[:, kept]

    def _mask(self, masked: Bools, rows: Longs, words: Longs, alignment: Alignment, drawn: Bools) -> None:
        """Mark the chunks in which a token of either side begins in a drawn word."""
        starts, ends, borders = self._spans(rows, words)
        for tokens, chunks in zip((alignment.teacher, alignment.student), alignment.chunks, strict=True):
            word = words_of_tokens(tokens, starts, ends, borders)
            inside = (word >= 0) & (chunks >= 0)
            masked[chunks[inside][drawn[word[inside]]]] = True
