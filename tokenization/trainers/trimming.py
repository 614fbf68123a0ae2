"""A teacher's vocabulary without the entries that a domain never uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from finkd.corpora.errors import ConfigError
from finkd.tokenization.surface import BYTE_FALLBACK, byte_letters
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.trainers.algorithm import PRINTABLE
from finkd.tokenization.trainers.counting import WordCounts
from finkd.tokenization.trainers.editing import (
    Described,
    cut_words,
    described_model,
    entries,
    joined,
    merge_pairs,
    with_entries,
)


def trim(tokenizer: Tokenizer, counts: WordCounts, minimum: int, size: int, name: str | None) -> Tokenizer:
    """Keep the entries that a text uses; see ``vocabulary.trim``."""
    if minimum < 1:
        raise ConfigError(f"vocabulary.minimum: expected 1 or more uses (got {minimum})")
    model = described_model(tokenizer)
    names = entries(model)
    used = cut_words(tokenizer, counts).occurrences(len(tokenizer))
    uses = {token: int(used[index]) for index, token in enumerate(tokenizer.vocabulary) if used[index]}
    fixed = {tokenizer.vocabulary[index] for index in (*tokenizer.literal, *tokenizer.special_ids.values())}
    inventory = _Inventory(model, names, uses, fixed)
    outside = len(fixed.difference(names))
    kept = set(inventory.always())
    if size and len(kept) + outside > size:
        raise ConfigError(
            f"vocabulary.size: {size} is too small for the {len(kept) + outside} special tokens, protected words and "
            "single characters or bytes of this text; choose at least so many, and better ten times that"
        )
    ranked = sorted((token for token in names if uses.get(token, 0) >= minimum), key=lambda token: -uses[token])
    for token in ranked:
        needed = inventory.parts(token) - kept
        if not size or len(kept) + len(needed) + outside <= size:
            kept |= needed
    left = [token for token in names if token in kept]
    merges = [pair for pair in merge_pairs(model) if kept.issuperset((*pair, joined(model, *pair)))]
    scores = dict(model["vocab"]) if model["type"] == "Unigram" else None
    return with_entries(
        tokenizer, left, name or f"{tokenizer.name}-trimmed-{len(left) + outside}", merges=merges, scores=scores
    )


@dataclass(frozen=True)
class _Inventory:
    """What a model holds, and what an entry cannot be produced without.

    Attributes:
        model: as plain data.
        names: its entries.
        uses: how often the text uses each entry that it uses.
        fixed: special tokens and protected words.
    """

    model: Described
    names: list[str]
    uses: Mapping[str, int]
    fixed: set[str]

    def always(self) -> Iterator[str]:
        """Yield entries that stay whatever the text: fixed ones, the unknown token, bytes and the text's characters."""
        byte_level = set(byte_letters()) <= set(self.names)
        letters = set(byte_letters()) if byte_level else {*PRINTABLE, "▁", *"".join(self.uses)}
        unknown = self.model.get("unk_token")
        if self.model["type"] == "Unigram" and self.model["unk_id"] is not None:
            unknown = self.model["vocab"][self.model["unk_id"]][0]
        prefix = self.model.get("continuing_subword_prefix") or ""
        suffix = self.model.get("end_of_word_suffix") or ""
        for token in self.names:
            bare = token.removesuffix(suffix)
            bare = bare.removeprefix(prefix) or bare
            if token in self.fixed or token == unknown or bare in letters or BYTE_FALLBACK.fullmatch(token):
                yield token

    @cached_property
    def _origins(self) -> dict[str, set[str]]:
        """Entry -> both sides of every merge that makes it."""
        found: dict[str, set[str]] = {}
        for pair in merge_pairs(self.model):
            found.setdefault(joined(self.model, *pair), set()).update(pair)
        return found

    def parts(self, token: str) -> set[str]:
        """Return the entry with everything that it is merged from, by whatever way."""
        found: set[str] = set()
        waiting = [token]
        while waiting:
            part = waiting.pop()
            if part not in found:
                found.add(part)
                waiting += self._origins.get(part, ())
        return found
