"""Vocabularies that grow by merging the most frequent pair: WordPiece and byte-level BPE, trained by ``tokenizers``.

The stock WordPiece trainer gives another vocabulary in every process (huggingface/tokenizers issue 1794). It is a BPE
trainer that meets the ``##x`` alphabet while it walks a randomly seeded hash map of words, numbers it in that order,
and breaks ties between merges by number. Here every character and every ``##x`` is numbered beforehand, through the
trainer's list of special tokens, which comes first, in the order given. BPE has no such prefix
and sorts its alphabet itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers
from tokenizers.normalizers import BertNormalizer
from tokenizers.trainers import BpeTrainer

from finkd.tokenization.trainers.algorithm import MINIMUM_COUNT, SPECIALS, Algorithm, composed, require_room

PREFIX = "##"
_WORDS_PER_LINE = 1000


def bert_normalizer(lowercase: bool) -> BertNormalizer:
    """Make BERT's normalizer; accents go with the case, as in the published uncased and cased vocabularies."""
    return BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=lowercase, lowercase=lowercase)


def learn_wordpiece(words: Mapping[str, int], size: int) -> models.WordPiece:
    """Learn WordPiece entries: specials, the alphabet, the alphabet inside words, then merges as they came."""
    alphabet = sorted({character for word in words for character in word})
    inner = [PREFIX + character for character in sorted({character for word in words for character in word[1:]})]
    require_room(size, len(alphabet) + len(inner))
    trained = _merge(words, size, [*SPECIALS.values(), *alphabet, *inner], prefix=PREFIX)
    vocabulary = trained["vocab"]
    return models.WordPiece(vocabulary, unk_token=SPECIALS["unk"], max_input_chars_per_word=100)


def learn_bytes(words: Mapping[str, int], size: int) -> models.BPE:
    """Learn byte-level BPE: specials, the 256 bytes, then merges as they came."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    require_room(size, len(alphabet))
    trained = _merge(words, size, list(SPECIALS.values()), alphabet=alphabet)
    return models.BPE(trained["vocab"], [tuple(pair) for pair in trained["merges"]])


def _merge(
    words: Mapping[str, int], size: int, first: list[str], prefix: str = "", alphabet: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the trained BPE model as plain data."""
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = BpeTrainer(
        vocab_size=size,
        min_frequency=MINIMUM_COUNT,
        show_progress=False,
        special_tokens=first,
        initial_alphabet=list(alphabet),
        continuing_subword_prefix=prefix,
    )
    backend.train_from_iterator(_repeated(words), trainer)
    model: dict[str, Any] = json.loads(backend.to_str())["model"]
    return model


def _repeated(words: Mapping[str, int]) -> Iterator[str]:
    """Each word as often as it was counted: the trainer takes text, not counts."""
    for word, count in words.items():
        for done in range(0, count, _WORDS_PER_LINE):
            yield " ".join([word] * min(_WORDS_PER_LINE, count - done))


WORDPIECE = Algorithm(bert_normalizer, pre_tokenizers.BertPreTokenizer, learn_wordpiece, decoders.WordPiece)
BPE = Algorithm(
    composed,
    # Runs of letters, of digits and of other signs; the first after any white space carries "Ġ".
    lambda: pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=True)]
    ),
    learn_bytes,
    decoders.ByteLevel,
    bytes_only=True,
)
