"""Copies of sentences in which some words have become others that could stand there.

What a masked language model thinks possible is close enough to the text that a teacher can label it (TinyBERT: Jiao et
al., arXiv 1909.10351, section 3.2 and algorithm 1, where most of the student's score comes from such copies). TinyBERT
hides one word at a time; here all words to be exchanged are masked at once, which costs one reading for each copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field, NonNegativeInt, PositiveInt
from torch import Tensor

from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.data.encoding import WINDOW, cut_windows, encode
from finkd.inference.prediction import read
from finkd.models.model import Model
from finkd.progress import Listener
from finkd.tokenization.alignment import word_rows, words_of_tokens
from finkd.tokenization.surface import canonical_forms
from finkd.tokenization.tokenizer import Tokenizer


@dataclass(frozen=True)
class Augment:
    """How copies are made.

    Attributes:
        copies: of each sentence; TinyBERT makes 20.
        fraction: of the words that may be exchanged: those of letters that are one token for the masked language model.
        likeliest: guesses to draw from.
        teacher: a strategy that makes the masked language model of the experiment's teacher.
    """

    copies: NonNegativeInt = 0
    fraction: Annotated[float, Field(gt=0, le=1)] = 0.4
    likeliest: PositiveInt = 15
    teacher: str = "masked-teacher"


def augmented(
    sentences: Sequence[Sentence],
    masked_lm: Model,
    how: Augment,
    seed: int,
    precision: str = "fp32",
    listen: Listener | None = None,
) -> list[Sentence]:
    """The copies.

    Args:
        sentences: what is copied; of a long one each of its windows is.
        masked_lm: guesses the words.
        how: settings.
        seed: decides what is exchanged.
        precision: as in ``Schedule``.
        listen: called after every batch that is read.

    Returns:
        sentences without tags, ``how.copies`` for each window in which something was exchanged.

    Raises:
        ConfigError: if the model has no masked-LM head.
    """
    if not masked_lm.has_masked_head or "mask" not in masked_lm.tokenizer.special_ids:
        raise ConfigError("augment.teacher: has no masked-LM head, or no mask token; take 'masked-teacher'")
    limit = min(WINDOW, masked_lm.max_length)
    windows = cut_windows(sentences, [masked_lm.tokenizer], limit)
    encoded = encode(windows, masked_lm.tokenizer, limit)
    starts, ends, borders = word_rows([window.sentence.spans for window in windows])
    word = words_of_tokens(encoded.tokens, starts, ends, borders)
    letters = np.array([word.isalpha() for window in windows for word in window.sentence.words], np.bool_)
    may_change = (word >= 0) & (encoded.tokens.starts == starts[word]) & (encoded.tokens.ends == ends[word])
    may_change &= letters[word]
    window = np.searchsorted(borders, word, side="right") - 1
    guesses = _Guesses(masked_lm.tokenizer, how.likeliest, seed)
    draw = np.random.Generator(np.random.PCG64(seed))
    copies = []
    for _ in range(how.copies):
        masked = may_change & (draw.random(len(word)) < how.fraction)
        changed: dict[int, dict[int, str]] = {}
        for at, side in read(masked_lm, encoded, precision=precision, listen=listen, masked=masked):
            assert side.mlm_logits is not None
            for token, guess in zip(at[masked[at]].tolist(), guesses(side.mlm_logits), strict=True):
                changed.setdefault(int(window[token]), {})[int(word[token] - borders[window[token]])] = guess
        copies += [windows[row].sentence.with_words(words) for row, words in sorted(changed.items())]
    return copies


class _Guesses:
    """Draws words from a masked language model's scores.

    Args:
        tokenizer: of the model.
        likeliest: guesses to draw from.
        seed: decides which.
    """

    def __init__(self, tokenizer: Tokenizer, likeliest: int, seed: int) -> None:
        forms = canonical_forms(tokenizer, fold=False).items()
        self.words = {entry: text for entry, (text, continues) in forms if not continues and text.isalpha()}
        self.entries = torch.tensor(sorted(self.words))
        self.likeliest = min(likeliest, len(self.entries))
        self.random = torch.Generator().manual_seed(seed)

    def __call__(self, scores: Tensor) -> list[str]:
        """A word for each row of (positions, vocabulary) scores."""
        best = scores[:, self.entries.to(scores.device)].topk(self.likeliest, dim=-1).indices.cpu()
        chosen = torch.randint(self.likeliest, (len(best), 1), generator=self.random)
        return [self.words[entry] for entry in self.entries[best.gather(1, chosen).squeeze(1)].tolist()]
