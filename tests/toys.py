"""Tokenizers of every family, small and built in memory."""

from collections.abc import Callable
from functools import cache

import numpy as np
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers import Tokenizer as Backend

from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokens import Tokens
from finkd.tokenization.vocabulary import train

TEXTS = (
    "Goldman Sachs lent $25 million to Acme Corp. under the credit agreement dated March 3, 1999.",
    "The Borrower shall pay interest at a rate of 4.75% per annum, the Lender agrees.",
    "Net revenue rose 12.5% to €3,000 in the third quarter; EBITDA margins widened.",
    "The Bank of New York and the Borrower agreed on the terms of the revolving credit facility.",
    "Société Générale opened a branch in Zürich, naïve investors followed.",
    "Shares of Acme fell after the bank lent the borrower another 25 million dollars at the same rate.",
)


DOMAIN = ("The unamortised debentures of the debenture holders, naïve Zürich € amortisation.",) * 4


def assert_same_tokens(found: Tokens, expected: Tokens) -> None:
    """Compare tokens array by array, types too."""
    for field, value in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, field), value, err_msg=field, strict=True)


def handmade(name: str, *tokens: str, lowercase: bool = False) -> Tokenizer:
    """A WordPiece tokenizer with these entries after ``[PAD] [UNK] [CLS] [SEP]``."""
    roles = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]"}
    vocabulary = {token: index for index, token in enumerate([*roles.values(), *tokens])}
    backend = Backend(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=False)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return Tokenizer(backend, roles, name)


@cache
def trained(algorithm: str, lowercase: bool, size: int) -> Tokenizer:
    """A vocabulary of ours, trained on ``TEXTS``."""
    return train(TEXTS * 3, algorithm, size, lowercase=lowercase)


def wordpiece_uncased() -> Tokenizer:
    """BERT's family without case and accents."""
    return trained("wordpiece", True, 260)


def wordpiece_cased() -> Tokenizer:
    """BERT's family with case and accents."""
    return trained("wordpiece", False, 300)


def bpe() -> Tokenizer:
    """Our byte-level BPE with BERT's special tokens."""
    return trained("bpe", True, 400)


def unigram() -> Tokenizer:
    """Unigram over BERT's words."""
    return trained("unigram", True, 160)


def sentencepiece() -> Tokenizer:
    """Unigram over stretches, with bytes for unknown characters."""
    return trained("sentencepiece", False, 440)


@cache
def roberta() -> Tokenizer:
    """Byte-level BPE as published by others: ``<s>`` and ``</s>``, spaces inside tokens and inside their offsets."""
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    specials = {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"}
    trainer = trainers.BpeTrainer(
        vocab_size=350,
        special_tokens=list(specials.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(TEXTS, trainer)
    backend.post_processor = processors.RobertaProcessing(
        ("</s>", backend.token_to_id("</s>")), ("<s>", backend.token_to_id("<s>")), trim_offsets=False
    )
    return Tokenizer(backend, specials, "roberta")


@cache
def gemma() -> Tokenizer:
    """BPE as published for Gemma and mmBERT: a space becomes ``▁``, and none is put before a text."""
    backend = Backend(models.BPE(unk_token="<unk>"))
    backend.normalizer = normalizers.Replace(" ", "▁")
    backend.pre_tokenizer = pre_tokenizers.Split(Regex("▁?[^▁]+"), "isolated")
    specials = {"cls": "<bos>", "pad": "<pad>", "sep": "<eos>", "unk": "<unk>", "mask": "<mask>"}
    trainer = trainers.BpeTrainer(vocab_size=350, special_tokens=list(specials.values()), show_progress=False)
    backend.train_from_iterator(TEXTS, trainer)
    backend.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=[(each, backend.token_to_id(each)) for each in ("<bos>", "<eos>")]
    )
    return Tokenizer(backend, specials, "gemma")


FAMILIES: dict[str, Callable[[], Tokenizer]] = {
    maker.__name__: maker for maker in (wordpiece_uncased, wordpiece_cased, bpe, unigram, sentencepiece, roberta)
}
