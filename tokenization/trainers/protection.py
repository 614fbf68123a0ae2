"""Words that every vocabulary keeps whole: tickers, currency signs, numbers."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tokenizers import AddedToken, Regex, models, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Backend
from tokenizers.normalizers import Normalizer
from tokenizers.pre_tokenizers import PreTokenizer

from finkd.corpora.errors import ConfigError, DataError
from finkd.corpora.readers.lines import text_lines
from finkd.tokenization.surface import byte_letters
from finkd.tokenization.trainers.counting import WordCounts

Digits = Literal["learned", "split", "whole"]

MINIMUM_NUMBER = 2
"""A number that occurs less often is spelt digit by digit."""

NUMBER_SHARE = 0.1
"""Share of a vocabulary that whole numbers may fill."""

_NUMBER = re.compile(r"(?<!\w)[0-9]{2,}(?!\w)")
_DIGIT = Regex(r"[Ġ▁]?[0-9]")
_BATCH = 10_000


@dataclass(frozen=True)
class Protection:
    """Words that are never split.

    Protected words are taken out of a text before it is tokenized, longest first, and what follows one reads as the
    start of a word. They stand in ``tokenizer.json`` as added tokens, so ``transformers`` honours them too.

    Attributes:
        entries: words such as tickers. One that starts or ends in a letter or digit is only kept where no other letter
            or digit touches it, so ``IT`` is not seen in ``ITEM``; where case is dropped it is dropped here too.
        currency: keep every currency sign of the text (Unicode category Sc) an entry of its own.
        digits: ``learned`` treats digits as letters; ``split`` makes every ASCII digit a token; ``whole`` does so too,
            but makes the numbers that are frequent in the text tokens of their own, so that a number is one token or
            is spelt digit by digit.
    """

    entries: tuple[str, ...] = ()
    currency: bool = False
    digits: Digits = "learned"

    def words(self, counts: WordCounts, normalizer: Normalizer | None, room: int) -> list[str]:
        """Return the protected words as the vocabulary holds them, each once: entries, currency signs, numbers.

        Raises:
            ConfigError: if an entry is empty or holds white space once it is normalised.
        """
        wanted = list(self.entries)
        if self.currency:
            found = {sign for stretch in counts.counts for sign in stretch if unicodedata.category(sign) == "Sc"}
            wanted += sorted(found)
        normalized = []
        for entry in wanted:
            word = (normalizer.normalize_str(entry) if normalizer else entry).strip()
            if not word or len(word.split()) > 1:
                raise ConfigError(
                    f"vocabulary.protect: expected words without white space (got {entry!r}, which is read as {word!r})"
                )
            normalized.append(word)
        numbers = _frequent_numbers(counts, room) if self.digits == "whole" else []
        return list(dict.fromkeys([*normalized, *numbers]))

    def pre_tokenizer(self, before: PreTokenizer | None) -> PreTokenizer | None:
        """Return a pre-tokenizer that splits digits as well, if they are not learned."""
        if self.digits == "learned":
            return before
        split = pre_tokenizers.Split(_DIGIT, "isolated")
        return split if before is None else pre_tokenizers.Sequence([before, split])


LEARNED = Protection()
"""Protects nothing."""


def read_entries(path: str | Path) -> tuple[str, ...]:
    """Read words to protect from a file, one on each line; empty lines are skipped.

    Raises:
        DataError: if the file cannot be read, or a line holds more than a word.
    """
    found = []
    for number, line in text_lines(Path(path)):
        words = line.split()
        if len(words) > 1:
            raise DataError(f"{path}:{number}: found {line.strip()[:60]!r}; expected one word without white space")
        found += words
    return tuple(found)


def add_words(backend: Backend, words: Collection[str]) -> None:
    """Make a tokenizer take words out of a text before it tokenizes the rest.

    Byte-level vocabularies hold ``£`` as the letter of a byte, with which other characters are spelt, and two entries
    cannot have one name. That of the pound sign is therefore ``<£>`` there, which is normalized to ``£``.
    """
    letters = byte_letters().keys()
    is_byte_level = letters <= backend.get_vocab().keys()
    added = []
    for word in words:
        name = word
        if is_byte_level and word in letters and not word.isascii():
            name = f"<{word}>"
            renaming = normalizers.Replace(name, word)
            before = backend.normalizer
            backend.normalizer = renaming if before is None else normalizers.Sequence([before, renaming])
        added.append(AddedToken(name, single_word=_touchable(word), normalized=True))
    backend.add_tokens(added)


def without(
    words: Collection[str], counts: Mapping[str, int], normalizer: Normalizer | None
) -> Iterator[tuple[str, int]]:
    """Yield what is left of counted stretches without protected words, as the finished tokenizer removes them."""
    if not words:
        yield from counts.items()
        return
    finder = Backend(models.BPE())
    if normalizer is not None:
        finder.normalizer = normalizer
    add_words(finder, words)
    stretches = list(counts)
    for start in range(0, len(stretches), _BATCH):
        batch = stretches[start : start + _BATCH]
        for stretch, encoding in zip(batch, finder.encode_batch(batch, add_special_tokens=False), strict=True):
            position = 0
            for first, last in encoding.offsets:
                if first > position:
                    yield stretch[position:first], counts[stretch]
                position = max(position, last)
            if position < len(stretch):
                yield stretch[position:], counts[stretch]


def _touchable(word: str) -> bool:
    """Return whether a letter or digit that touches the word would make it another word."""
    return word[0].isalnum() or word[-1].isalnum()


def _frequent_numbers(counts: WordCounts, room: int) -> list[str]:
    numbers: Counter[str] = Counter()
    for stretch, count in counts.counts.items():
        for number in _NUMBER.findall(stretch):
            numbers[number] += count
    frequent = [(number, count) for number, count in numbers.items() if count >= MINIMUM_NUMBER]
    return [number for number, _ in sorted(frequent, key=lambda item: (-item[1], item[0]))[:room]]
