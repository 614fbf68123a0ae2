"""Vocabularies that shrink to the likeliest tokens: Unigram language models, trained by ``sentencepiece``.

The Unigram trainer of ``tokenizers`` cannot be made repeatable from outside: it sums expectations over words in the
order of a randomly seeded hash map, so that scores differ in their last digits and ids move with them (four processes
gave four files). ``sentencepiece`` walks sorted lists, and with one thread its sums have one order. Its result is
turned into a ``tokenizers`` model, which gives the same tokens, and their offsets in the original text as well.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from functools import partial

import sentencepiece
from tokenizers import Regex, decoders, models, pre_tokenizers

from finkd.tokenization.trainers.algorithm import SPECIALS, Algorithm, composed, require_room

_BYTES = 256
_BEFORE_PUNCTUATION = Regex(r"▁(?=[\p{P}$+<=>^`|~])")


def train_sentencepiece(words: Mapping[str, int], size: int, byte_fallback: bool) -> bytes:
    """Train a Unigram model and return it as a serialised sentencepiece model.

    Args:
        words: word -> count; a word that follows a space starts with ``▁``.
        size: entries, special tokens and byte tokens included.
        byte_fallback: whether unknown characters are spelt in bytes rather than given ``[UNK]``.
    """
    characters = len({character for word in words for character in word})
    require_room(size, characters + (_BYTES if byte_fallback else 0))
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=_lines(words),
        input_format="tsv",
        model_writer=model,
        model_type="unigram",
        vocab_size=size,
        hard_vocab_limit=False,
        character_coverage=1.0,
        byte_fallback=byte_fallback,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        max_sentence_length=1 << 20,
        num_threads=1,
        minloglevel=2,
        pad_id=0,
        pad_piece=SPECIALS["pad"],
        unk_id=1,
        unk_piece=SPECIALS["unk"],
        bos_id=2,
        bos_piece=SPECIALS["cls"],
        eos_id=3,
        eos_piece=SPECIALS["sep"],
        control_symbols=[SPECIALS["mask"]],
    )
    return model.getvalue()


def _lines(words: Mapping[str, int]) -> Iterator[str]:
    """One line per word and count, and one occurrence of each repeated word on a line of its own, closed by ``[SEP]``.

    Candidate tokens are those substrings of the list of distinct words that continue in two ways. A word that is part
    of no other word never becomes one, however frequent: on Reuters half of the 3,000 most frequent words, ``said`` and
    ``from`` among them, stayed in tokens. A control symbol ends a line differently and is no part of any token, which
    makes every repeated word a candidate (1.29 -> 1.07 tokens per word at size 8,000).
    """
    closing = SPECIALS["sep"]
    for word, count in words.items():
        if count == 1:
            yield f"{word}\t1"
        else:
            yield f"{word}\t{count - 1}"
            yield f"{word}{closing}\t1"


def convert(model: bytes, byte_fallback: bool) -> models.Unigram:
    """Return the ``tokenizers`` twin of a sentencepiece Unigram model: same tokens, scores and ids."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    tokens = [(processor.id_to_piece(i), processor.get_score(i)) for i in range(processor.get_piece_size())]
    return models.Unigram(tokens, unk_id=processor.unk_id(), byte_fallback=byte_fallback)


def _learn(words: Mapping[str, int], size: int, byte_fallback: bool) -> models.Unigram:
    return convert(train_sentencepiece(words, size, byte_fallback), byte_fallback)


def _bert_words() -> pre_tokenizers.Sequence:
    """Split BERT's words: each opens with ``▁``, wherever it stands, and punctuation never does."""
    bare = pre_tokenizers.Split(_BEFORE_PUNCTUATION, "removed")
    return pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Metaspace(), bare])


UNIGRAM = Algorithm(composed, _bert_words, partial(_learn, byte_fallback=False), decoders.Metaspace)
SENTENCEPIECE = Algorithm(
    composed,
    lambda: pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
    partial(_learn, byte_fallback=True),
    lambda: decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()]),
)
