"""Subword regularisation: other tokens of the same vocabulary for the words of a text."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from itertools import compress
from typing import Any

import numpy as np
from tokenizers import Tokenizer as Backend

from finkd.tokenization.tokenizer import Tokenizer, encodings
from finkd.tokenization.tokens import Tokens
from finkd.tokenization.trainers.editing import described_model, joined, merge_pairs

VARIANTS = 16
"""Vocabularies, each without other entries; a hash of a text chooses the one that tokenizes it."""


class RegularizedTokenizer(Tokenizer):
    """A tokenizer that drops a random share of the vocabulary's entries, others for another text.

    Words that usually are one token become several, from which a model may learn more about new words (BPE-dropout:
    Provilkov et al., arXiv 1910.13267; for WordPiece: Hiraoka, arXiv 2209.04126, there drawn for every token of a
    text). Ids are those of the tokenizer, and equal texts have equal tokens. Single characters are never dropped, and a
    text in which a word would become unknown keeps its usual tokens.

    Args:
        tokenizer: WordPiece, BPE or Unigram; not changed.
        dropped: share of the entries that are dropped, from 0 to below 1.
        seed: decides which.

    Raises:
        ConfigError: if the tokenizer is of another kind.

    Example:
        >>> import finkd
        >>> tokenizer = RegularizedTokenizer(finkd.Tokenizer.load("tokenizer"), 0.999, seed=1)
        >>> [tokenizer.vocabulary[index] for index in tokenizer.encode(["bank"]).ids]
        ['[CLS]', 'b', '##a', '##n', '##k', '[SEP]']
    """

    def __init__(self, tokenizer: Tokenizer, dropped: float, seed: int) -> None:
        super().__init__(tokenizer.backend, tokenizer.specials, tokenizer.name, gives_case=tokenizer.gives_case)
        model = described_model(tokenizer)
        entries = _divisible(model, {tokenizer.vocabulary[index] for index in tokenizer.literal})
        self.variants: list[Backend] = []
        for number in range(VARIANTS):
            drawn = np.random.default_rng([seed, number]).random(len(entries)) < dropped
            self.variants.append(_without(self.backend, frozenset(compress(entries, drawn))))
        assert all(each.get_added_tokens_decoder().keys() == self.literal for each in self.variants)
        self.fingerprint = f"{tokenizer.fingerprint}-{dropped}-{seed}"

    def encode(self, texts: Sequence[str]) -> Tokens:
        """Tokenize texts, special tokens included; a word has other tokens in another text."""
        return self._encode(texts)

    def _encodings(self, texts: Sequence[str]) -> Sequence[Any]:
        chosen = np.array([zlib.crc32(text.encode("utf-8", "surrogatepass")) % VARIANTS for text in texts], np.int64)
        found: list[Any] = [None] * len(texts)
        for number, variant in enumerate(self.variants):
            rows = np.flatnonzero(chosen == number).tolist()
            for row, encoding in zip(rows, encodings(variant, [texts[row] for row in rows], self.name), strict=True):
                found[row] = encoding
        unknown = self.special_ids.get("unk", -1)
        doubtful = [row for row, encoding in enumerate(found) if unknown in encoding.ids]
        usual = encodings(self.backend, [texts[row] for row in doubtful], self.name)
        for row, encoding in zip(doubtful, usual, strict=True):
            if encoding.ids.count(unknown) < found[row].ids.count(unknown):
                found[row] = encoding
        return found


def _divisible(model: dict[str, Any], literal: set[str]) -> list[str]:
    """Return the entries of several characters all of which are entries too, in the order of the vocabulary."""
    if model["type"] == "BPE":
        return list(dict.fromkeys(joined(model, *pair) for pair in merge_pairs(model)))
    if model["type"] == "Unigram":
        tokens = [token for token, _ in model["vocab"]]
        known, prefix = set(tokens), ""
    else:
        tokens = list(model["vocab"])
        known, prefix = set(tokens), model["continuing_subword_prefix"]

    def is_divisible(token: str) -> bool:
        inside = bool(prefix) and token.startswith(prefix) and len(token) > len(prefix)
        letters = list(token.removeprefix(prefix) if inside else token)
        singles = [prefix + letters[0] if inside else letters[0], *(prefix + letter for letter in letters[1:])]
        return len(singles) > 1 and known.issuperset(singles)

    return [token for token in tokens if token not in literal and is_divisible(token)]


def _without(backend: Backend, dropped: frozenset[str]) -> Backend:
    """Return a tokenizer that never gives the dropped entries; the others keep their ids."""
    described = json.loads(backend.to_str())
    model = described["model"]
    if model["type"] == "WordPiece":
        # Without the entry, tokens that were added behind the vocabulary would be numbered anew. No word has a space.
        model["vocab"] = {f" {index}" if token in dropped else token: index for token, index in model["vocab"].items()}
    elif model["type"] == "BPE":
        model["merges"] = [list(pair) for pair in merge_pairs(model) if joined(model, *pair) not in dropped]
        model["ignore_merges"] = False  # or a dropped word would be taken whole
    else:
        # A piece's place is its id, so it stays and costs more than all of its characters together.
        lowest = min(score for _, score in model["vocab"])
        model["vocab"] = [
            [token, (len(token) + 1) * (lowest - 1) if token in dropped else score] for token, score in model["vocab"]
        ]
    return Backend.from_str(json.dumps(described))
