"""Train, grow or trim a vocabulary for a domain.

The same text gives the same bytes in every process, whatever the number of threads.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from tokenizers import AddedToken
from tokenizers import Tokenizer as Backend
from tokenizers.processors import TemplateProcessing

from finkd.corpora.errors import ConfigError
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.trainers import algorithms
from finkd.tokenization.trainers.algorithm import PRINTABLE, SPECIALS
from finkd.tokenization.trainers.counting import WordCounts, count_words, mix_counts
from finkd.tokenization.trainers.growing import GROWTH, Growth, grow
from finkd.tokenization.trainers.protection import LEARNED, NUMBER_SHARE, Protection, add_words
from finkd.tokenization.trainers.trimming import trim

__all__ = [
    "GROWTH",
    "Growth",
    "Protection",
    "WordCounts",
    "count_words",
    "grow",
    "mix_counts",
    "train",
    "trim",
]

logger = logging.getLogger(__name__)


def train(
    texts: Iterable[str] | WordCounts,
    algorithm: str,
    size: int,
    *,
    lowercase: bool = True,
    protect: Protection = LEARNED,
    name: str | None = None,
) -> Tokenizer:
    """Learn a vocabulary from a stream of texts.

    The result depends on the words and their counts only: not on the order of the texts, the process or the machine's
    threads. Entries 0 to 4 are ``[PAD] [UNK] [CLS] [SEP] [MASK]``; every text becomes ``[CLS] ... [SEP]``.

    Args:
        texts: read once, in memory that does not grow with them (``count_words``); or counts, as from ``mix_counts``.
        algorithm: a name in ``algorithms``.
        size: entries, special tokens and protected words included. A text too poor for so many gives fewer, with a
            warning.
        lowercase: whether case is dropped; wordpiece then drops accents too.
        protect: words that stay whole.
        name: what reports call it; by default ``"<algorithm>-<entries>"``.

    Raises:
        ConfigError: if the algorithm is unknown, there is no word in the texts, or ``size`` cannot even hold the
            alphabet and the protected words.

    Example:
        >>> import finkd
        >>> tokenizer = finkd.train_vocabulary(["the bank lent money to the bank"], "wordpiece", 100)
        >>> "bank" in tokenizer.vocabulary
        True
    """
    if algorithm not in algorithms:
        raise ConfigError(
            f"vocabulary.algorithm: there is no {algorithm!r} (choose from {', '.join(sorted(algorithms))})"
        )
    chosen = algorithms.get(algorithm)
    normalizer = chosen.normalizer(lowercase)
    counts = count_words(texts)
    protected = protect.words(counts, normalizer, int(size * NUMBER_SHARE))
    # Plain characters are entries anyway.
    room = size - sum(len(word) > 1 or word not in PRINTABLE for word in protected)
    if protected and room < size / 2:
        raise ConfigError(
            f"vocabulary.protect: {len(protected)} words fill more than half of the {size} entries; protect fewer, or "
            "choose a larger size"
        )
    backend = Backend(chosen.learn(chosen.count(counts, lowercase, protect, protected), room))
    backend.normalizer = normalizer
    backend.pre_tokenizer = protect.pre_tokenizer(chosen.pre_tokenizer())
    backend.decoder = chosen.decoder()
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIALS.values()])
    learned = backend.get_vocab_size()
    add_words(backend, protected)
    backend.post_processor = _frame(backend)
    entries = backend.get_vocab_size()
    if learned < room:
        logger.warning(
            "vocabulary.size: the text gives %d of the %d entries asked for; more text gives more", entries, size
        )
    return Tokenizer(backend, SPECIALS, name or f"{algorithm}-{entries}")


def _frame(backend: Backend) -> TemplateProcessing:
    """Make ``[CLS] text [SEP]``, and ``[SEP]`` again after a second text."""
    opening, closing = SPECIALS["cls"], SPECIALS["sep"]
    return TemplateProcessing(
        single=f"{opening} $A {closing}",
        pair=f"{opening} $A {closing} $B:1 {closing}:1",
        special_tokens=[(token, backend.token_to_id(token)) for token in (opening, closing)],
    )
