"""Trainers that learn each kind of vocabulary from counted words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finkd.corpora.registry import Registry

if TYPE_CHECKING:
    from finkd.tokenization.trainers.algorithm import Algorithm

algorithms: Registry[Algorithm] = Registry(
    "vocabularies",
    {
        "wordpiece": (
            "finkd.tokenization.trainers.merges:WORDPIECE",
            "BERT's: merges inside words, ## continues a word",
        ),
        "bpe": ("finkd.tokenization.trainers.merges:BPE", "byte-level merges as in RoBERTa: nothing is ever unknown"),
        "unigram": ("finkd.tokenization.trainers.unigram:UNIGRAM", "likeliest tokens of BERT's words"),
        "sentencepiece": (
            "finkd.tokenization.trainers.unigram:SENTENCEPIECE",
            "likeliest tokens of everything between spaces, bytes for unknown characters",
        ),
    },
)
