"""Train a domain vocabulary: the same text gives the same bytes in every process, whatever the number of threads."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from tokenizers import AddedToken
from tokenizers import Tokenizer as Backend
from tokenizers.processors import TemplateProcessing

from corpora.errors import ConfigError
from corpora.registry import Registry
from tokenization.tokenizer import Tokenizer
from tokenization.trainers.algorithm import SPECIALS, Algorithm

logger = logging.getLogger(__name__)

algorithms: Registry[Algorithm] = Registry(
    "vocabularies",
    {
        "wordpiece": ("tokenization.trainers.merges:WORDPIECE", "BERT's: merges inside words, ## continues a word"),
        "bpe": ("tokenization.trainers.merges:BPE", "byte-level merges as in RoBERTa: nothing is ever unknown"),
        "unigram": ("tokenization.trainers.unigram:UNIGRAM", "likeliest pieces of BERT's words"),
        "sentencepiece": (
            "tokenization.trainers.unigram:SENTENCEPIECE",
            "likeliest pieces of everything between spaces, bytes for unknown characters",
        ),
    },
)


def train(
    texts: Iterable[str], algorithm: str, size: int, *, lowercase: bool = True, name: str | None = None
) -> Tokenizer:
    """Learn a vocabulary from a stream of texts.

    The result depends on the words and their counts only: not on the order of the texts, the process or the machine's
    threads. Entries 0 to 4 are ``[PAD] [UNK] [CLS] [SEP] [MASK]``; every text becomes ``[CLS] ... [SEP]``.

    Args:
        texts: read once; memory grows with the distinct words only.
        algorithm: a name in ``algorithms``.
        size: entries, special tokens included. A text too poor for so many gives fewer, with a warning.
        lowercase: whether case is dropped; wordpiece then drops accents too.
        name: what reports call it; by default ``"<algorithm>-<entries>"``.

    Raises:
        ConfigError: if the algorithm is unknown, there is no word in the texts, or ``size`` cannot even hold the
            alphabet.
    """
    if algorithm not in algorithms:
        raise ConfigError(
            f"vocabulary.algorithm: there is no {algorithm!r} (choose from {', '.join(sorted(algorithms))})"
        )
    chosen = algorithms.get(algorithm)
    backend = Backend(chosen.learn(chosen.count(texts, lowercase), size))
    backend.normalizer = chosen.normalizer(lowercase)
    backend.pre_tokenizer = chosen.pre_tokenizer()
    backend.decoder = chosen.decoder()
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIALS.values()])
    backend.post_processor = _frame(backend)
    entries = backend.get_vocab_size()
    if entries < size:
        logger.warning(
            "vocabulary.size: the text gives %d of the %d entries asked for; more text gives more", entries, size
        )
    return Tokenizer(backend, SPECIALS, name or f"{algorithm}-{entries}")


def _frame(backend: Backend) -> TemplateProcessing:
    """``[CLS] text [SEP]``, and ``[SEP]`` again after a second text."""
    opening, closing = SPECIALS["cls"], SPECIALS["sep"]
    return TemplateProcessing(
        single=f"{opening} $A {closing}",
        pair=f"{opening} $A {closing} $B:1 {closing}:1",
        special_tokens=[(token, backend.token_to_id(token)) for token in (opening, closing)],
    )
