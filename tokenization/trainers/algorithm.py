"""Vocabulary algorithms: how text is split into words, and how tokens are learned from counted words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from tokenizers.decoders import Decoder
from tokenizers.models import Model
from tokenizers.normalizers import NFC, Lowercase, Normalizer, Sequence
from tokenizers.pre_tokenizers import PreTokenizer

from finkd.corpora.errors import ConfigError
from finkd.tokenization.trainers.counting import WordCounts, count_words
from finkd.tokenization.trainers.protection import LEARNED, Protection, without

SPECIALS = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
"""Special token of each role, in the order of their ids."""

RARE = 1e-6
"""A character beyond ASCII that makes up less of the text than this is left out of the alphabet."""

PRINTABLE = "".join(filter(str.isprintable, map(chr, range(33, 128))))
"""Plain characters, which every vocabulary can spell."""

MINIMUM_COUNT = 2
"""A token that occurs less often than this is not worth an entry."""


@dataclass(frozen=True)
class Algorithm:
    """One way to learn a vocabulary.

    Attributes:
        normalizer: lowercase? -> what happens to text before it is tokenized.
        pre_tokenizer: splits normalised text into words.
        learn: (words with their counts in a fixed order, size) -> a model with at most ``size`` entries, of which the
            first are ``SPECIALS``; the same model for the same input in every process.
        decoder: tokens -> text.
        bytes_only: whether every character is spelt in bytes, so that no character is ever rare.
    """

    normalizer: Callable[[bool], Normalizer]
    pre_tokenizer: Callable[[], PreTokenizer]
    learn: Callable[[Mapping[str, int], int], Model]
    decoder: Callable[[], Decoder]
    bytes_only: bool = False

    def count(
        self,
        texts: Iterable[str] | WordCounts,
        lowercase: bool,
        protection: Protection = LEARNED,
        protected: Collection[str] = (),
    ) -> dict[str, int]:
        """Count the words of a stream of texts; memory does not grow with it (``count_words``).

        Each stretch without white space is normalised and split once, however often it occurs, as if a space came
        before it. Words with a rare character are left out: they could not be spelt. Printable ASCII is never rare, and
        each of its characters counts as seen once, so that no plain English text meets ``[UNK]``.

        Returns:
            word as the model will see it -> count, in the words' order.

        Raises:
            ConfigError: if there is no word in the texts.
        """
        counts = count_words(texts).counts
        if not counts:
            raise ConfigError("vocabulary.texts: no word to learn from; check the corpus that was given")
        normalizer = self.normalizer(lowercase)
        pre_tokenizer = protection.pre_tokenizer(self.pre_tokenizer())
        assert pre_tokenizer is not None
        plain = [] if self.bytes_only else [(character, 1) for character in PRINTABLE]
        words: Counter[str] = Counter()
        for stretch, count in chain(without(protected, counts, normalizer), plain):
            for word, _ in pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(stretch)):
                words[word] += count
        return dict(sorted(words.items() if self.bytes_only else _without_rare_characters(words)))


def composed(lowercase: bool) -> Normalizer:
    """Unicode composition (NFC), then lower case if wanted: nothing is lost but case."""
    return Sequence([NFC(), Lowercase()]) if lowercase else NFC()


def require_room(size: int, characters: int) -> None:
    """Refuse a size that cannot hold the special tokens and what words are spelt with.

    Raises:
        ConfigError: if it is too small.
    """
    needed = len(SPECIALS) + characters
    if size < needed:
        raise ConfigError(
            f"vocabulary.size: {size} is too small for {len(SPECIALS)} special tokens and {characters} single "
            f"characters or bytes; choose at least {needed}, and better ten times that"
        )


def _without_rare_characters(words: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    characters: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            characters[character] += count
    least = RARE * characters.total()
    alphabet = {character for character, count in characters.items() if count >= least or character in PRINTABLE}
    return ((word, count) for word, count in words.items() if alphabet.issuperset(word))
