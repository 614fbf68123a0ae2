"""Word replacement: copies of sentences with words that a masked language model predicts.

Likely words keep the text close enough to the original for a teacher to label it (TinyBERT: Jiao et al., arXiv
1909.10351, section 3.2 and algorithm 1, where most of the student's score comes from such copies). TinyBERT masks one
word at a time; here all words to be replaced are masked at once, which takes one forward pass for each copy.
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
from finkd.inference.prediction import on_fastest_device, read
from finkd.models.model import Model
from finkd.progress import Listener
from finkd.tokenization.alignment import word_rows, words_of_tokens
from finkd.tokenization.surface import canonical_forms
from finkd.tokenization.tokenizer import Tokenizer


@dataclass(frozen=True)
class Augment:
    """Settings of word replacement.

    Attributes:
        copies: of each sentence; TinyBERT makes 20.
        fraction: of the replaceable words: those of letters that are one token of the masked language model.
        likeliest: number of most likely words to draw from.
        teacher: strategy that makes the masked language model from the experiment's teacher.
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
    """Make copies of sentences with replaced words.

    Args:
        sentences: to copy; of long ones, each window.
        masked_lm: predicts the words.
        how: settings.
        seed: of all choices.
        precision: as in ``Schedule``.
        listen: called after every batch.

    Returns:
        sentences without tags, ``how.copies`` for each window with a replaced word.

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

    predict = _WordSampler(masked_lm.tokenizer, how.likeliest, seed)
    draw = np.random.Generator(np.random.PCG64(seed))
    found = []
    masked_lm = on_fastest_device(masked_lm)
    for _ in range(how.copies):
        masked = may_change & (draw.random(len(word)) < how.fraction)
        changed: dict[int, dict[int, str]] = {}
        for at, side in read(masked_lm, encoded, precision=precision, listen=listen, masked=masked):
            assert side.mlm_logits is not None
            for token, new in zip(at[masked[at]].tolist(), predict(side.mlm_logits), strict=True):
                changed.setdefault(int(window[token]), {})[int(word[token] - borders[window[token]])] = new
        found += [windows[row].sentence.with_words(words) for row, words in sorted(changed.items())]
    return found


class _WordSampler:
    """Sampler of words from MLM logits.

    Args:
        tokenizer: of the model.
        likeliest: number of most likely words to draw from.
        seed: of the draws.
    """

    def __init__(self, tokenizer: Tokenizer, likeliest: int, seed: int) -> None:
        forms = canonical_forms(tokenizer, fold=False).items()
        self.words = {entry: text for entry, (text, continues) in forms if not continues and text.isalpha()}
        self.entries = torch.tensor(sorted(self.words))
        self.likeliest = min(likeliest, len(self.entries))
        self.random = torch.Generator().manual_seed(seed)

    def __call__(self, logits: Tensor) -> list[str]:
        """Draw a word for each row of (positions, vocabulary) logits."""
        best = logits[:, self.entries.to(logits.device)].topk(self.likeliest, dim=-1).indices.cpu()
        chosen = torch.randint(self.likeliest, (len(best), 1), generator=self.random)
        return [self.words[entry] for entry in self.entries[best.gather(1, chosen).squeeze(1)].tolist()]
