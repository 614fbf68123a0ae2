"""A teacher's vocabulary without the entries that a domain never uses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from finkd.corpora.errors import ConfigError
from finkd.tokenization.surface import BYTE_FALLBACK, byte_letters
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokens import Longs
from finkd.tokenization.trainers.algorithm import PRINTABLE
from finkd.tokenization.trainers.counting import WordCounts, count_words
from finkd.tokenization.trainers.editing import (
    Described,
    described_model,
    entries,
    joined,
    merge_pairs,
    protected_tokenizer,
    tokenize_words,
    with_entries,
)
from finkd.tokenization.trainers.protection import LEARNED, Protection


def trim(
    teacher: Tokenizer,
    texts: Iterable[str] | WordCounts,
    *,
    minimum: int = 1,
    size: int = 0,
    protect: Protection = LEARNED,
    name: str | None = None,
) -> Tokenizer:
    """Keep the entries of a teacher's vocabulary that a text uses, numbered anew in their old order.

    With ``minimum=1`` and no ``size``, a text with single spaces between its words is tokenized as before. Always kept
    are special tokens, protected words, the characters of the text, printable ASCII and all bytes (so that no plain
    text meets the unknown token that did not before), and whatever a kept entry of a BPE model is merged from. Unigram
    scores stay.

    Args:
        teacher: not changed.
        texts: of the domain, read once; or counts.
        minimum: uses that an entry needs.
        size: keep the most used entries, this many in all; 0 keeps all that have enough uses.
        protect: words that stay whole, from now on.
        name: what reports call it.

    Raises:
        ConfigError: if there is no word in the texts, ``size`` cannot hold what is always kept, or the tokenizer's
            model is not WordPiece, BPE or Unigram.
    """
    if minimum < 1:
        raise ConfigError(f"vocabulary.minimum: expected 1 or more uses (got {minimum})")
    counts = count_words(texts)
    tokenizer = protected_tokenizer(teacher, counts, protect, size or len(teacher))
    model = described_model(tokenizer)
    names = entries(model)
    used = _occurrences(tokenizer, counts)
    uses = {token: int(used[index]) for index, token in enumerate(tokenizer.vocabulary) if used[index]}
    fixed = {tokenizer.vocabulary[index] for index in (*tokenizer.literal, *tokenizer.special_ids.values())}
    outside = len(fixed.difference(names))
    kept = set(_always(model, names, uses, fixed))
    if size and len(kept) + outside > size:
        raise ConfigError(
            f"vocabulary.size: {size} is too small for the {len(kept) + outside} special tokens, protected words and "
            "single characters or bytes of this text; choose at least so many, and better ten times that"
        )
    origins: defaultdict[str, set[str]] = defaultdict(set)  # entry -> both sides of every merge that makes it
    for pair in merge_pairs(model):
        origins[joined(model, *pair)].update(pair)
    ranked = sorted((token for token in names if uses.get(token, 0) >= minimum), key=lambda token: -uses[token])
    for token in ranked:
        needed = _parts(token, origins) - kept
        if not size or len(kept) + len(needed) + outside <= size:
            kept |= needed
    left = [token for token in names if token in kept]
    merges = [pair for pair in merge_pairs(model) if kept.issuperset((*pair, joined(model, *pair)))]
    scores = dict(model["vocab"]) if model["type"] == "Unigram" else None
    return with_entries(
        tokenizer, left, name or f"{tokenizer.name}-trimmed-{len(left) + outside}", merges=merges, scores=scores
    )


def _occurrences(tokenizer: Tokenizer, counts: WordCounts) -> Longs:
    """(vocabulary,) how often each entry occurs; no space comes before the words that open a text."""
    found = tokenize_words(tokenizer, counts).occurrences(len(tokenizer))
    if counts.opening:
        opening = WordCounts(counts.opening)
        found += tokenize_words(tokenizer, opening, before="").occurrences(len(tokenizer))
        found -= tokenize_words(tokenizer, opening).occurrences(len(tokenizer))
    return found


def _always(model: Described, names: Sequence[str], text: Iterable[str], fixed: Collection[str]) -> Iterator[str]:
    """Yield entries that stay whatever is rare: fixed ones, the unknown token, bytes and the text's characters."""
    letters = set(byte_letters())
    if not letters <= set(names):
        letters = {*PRINTABLE, "▁", *"".join(text)}
    unknown = model.get("unk_token")
    if model["type"] == "Unigram" and model["unk_id"] is not None:
        unknown = model["vocab"][model["unk_id"]][0]
    prefix = model.get("continuing_subword_prefix") or ""
    suffix = model.get("end_of_word_suffix") or ""
    for token in names:
        bare = token.removesuffix(suffix)
        bare = bare.removeprefix(prefix) or bare
        if token in fixed or token == unknown or bare in letters or BYTE_FALLBACK.fullmatch(token):
            yield token


def _parts(token: str, origins: Mapping[str, Collection[str]]) -> set[str]:
    """Return the entry with everything that it is merged from, by whatever way."""
    found: set[str] = set()
    waiting = [token]
    while waiting:
        part = waiting.pop()
        if part not in found:
            found.add(part)
            waiting += origins.get(part, ())
    return found
