"""A tokenizer with another set of entries: the same rules, new ids, its special tokens and its frame kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from tokenizers import Tokenizer as Backend

from finkd.corpora.errors import ConfigError
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokens import Longs
from finkd.tokenization.trainers.counting import WordCounts
from finkd.tokenization.trainers.protection import LEARNED, NUMBER_SHARE, Protection, add_words

Described = dict[str, Any]

_BATCH = 10_000


@dataclass(frozen=True)
class Words:
    """The tokenized words of a text, each of which occurs in one distinct stretch.

    Attributes:
        ids: (tokens,) entries.
        starts: (words + 1,) where each word begins in ``ids``.
        counts: (words,) occurrences.
    """

    ids: Longs
    starts: Longs
    counts: Longs

    @property
    def lengths(self) -> Longs:
        """(words,) tokens of each word."""
        return np.diff(self.starts)

    def occurrences(self, size: int) -> Longs:
        """Return the (size,) how often each entry occurs."""
        weights = np.repeat(self.counts, self.lengths)
        return np.bincount(self.ids, weights=weights, minlength=size).astype(np.int64)


def tokenize_words(tokenizer: Tokenizer, counts: WordCounts, before: str = " ") -> Words:
    """Tokenize every counted stretch into the words that tokens never cross.

    Args:
        tokenizer: what tokenizes them.
        counts: the stretches.
        before: what comes before each of them; some tokenizers tokenize a stretch after a space otherwise than alone.

    Raises:
        ConfigError: if there is no word.
    """
    stretches = sorted(counts.counts)
    if not stretches:
        raise ConfigError("vocabulary.texts: no word to learn from; check the corpus that was given")
    ids: list[int] = []
    lengths: list[int] = []
    times: list[int] = []
    for start in range(0, len(stretches), _BATCH):
        batch = stretches[start : start + _BATCH]
        texts = [f"{before}{stretch}" for stretch in batch]
        encodings = tokenizer.backend.encode_batch(texts, add_special_tokens=False)
        for stretch, encoding in zip(batch, encodings, strict=True):
            ids += encoding.ids
            sizes = [len(list(run)) for _, run in groupby(encoding.word_ids)]
            lengths += sizes
            times += [counts.counts[stretch]] * len(sizes)
    starts = np.concatenate(([0], np.cumsum(np.array(lengths, np.int64))))
    return Words(np.array(ids, np.int64), starts, np.array(times, np.int64))


def protected_tokenizer(teacher: Tokenizer, counts: WordCounts, protect: Protection, size: int) -> Tokenizer:
    """Return a copy of a tokenizer that keeps some words whole.

    Args:
        teacher: not changed.
        counts: the text that tells which currency signs and numbers there are.
        protect: words that stay whole.
        size: of which whole numbers may fill the share ``NUMBER_SHARE``.

    Raises:
        ConfigError: if a protected word is empty or holds white space.
    """
    if protect == LEARNED:
        return teacher
    backend = Backend.from_str(teacher.backend.to_str())
    words = protect.words(counts, backend.normalizer, int(size * NUMBER_SHARE))
    backend.pre_tokenizer = protect.pre_tokenizer(backend.pre_tokenizer)
    add_words(backend, words)
    return Tokenizer(backend, teacher.specials, teacher.name, gives_case=teacher.gives_case)


def described_model(tokenizer: Tokenizer) -> Described:
    """Return a tokenizer's model as plain data.

    Raises:
        ConfigError: if it is of a kind whose entries cannot be changed.
    """
    model: Described = json.loads(tokenizer.backend.to_str())["model"]
    if model["type"] not in ("WordPiece", "BPE", "Unigram"):
        raise ConfigError(
            f"vocabulary.teacher: entries of a {model['type']} tokenizer cannot be changed "
            "(choose from WordPiece, BPE, Unigram)"
        )
    return model


def entries(model: Described) -> list[str]:
    """Return the entries of a model in the order of their ids."""
    if model["type"] == "Unigram":
        return [token for token, _ in model["vocab"]]
    return sorted(model["vocab"], key=model["vocab"].__getitem__)


def with_entries(
    tokenizer: Tokenizer,
    names: Sequence[str],
    name: str,
    *,
    merges: Sequence[tuple[str, str]] = (),
    scores: Mapping[str, float] | None = None,
) -> Tokenizer:
    """Return the tokenizer with other entries, numbered from 0; added tokens that are none of them come after."""
    described: Described = json.loads(tokenizer.backend.to_str())
    model = described["model"]
    ids = {token: index for index, token in enumerate(names)}
    if model["type"] == "Unigram":
        unknown = model["vocab"][model["unk_id"]][0] if model["unk_id"] is not None else None
        model["unk_id"] = ids[unknown] if unknown is not None else None
        model["vocab"] = [[token, (scores or {})[token]] for token in names]
    else:
        model["vocab"] = ids
        if model["type"] == "BPE":
            model["merges"] = [list(pair) for pair in merges]
    for token in sorted(described["added_tokens"], key=lambda token: token["id"]):
        token["id"] = ids.setdefault(token["content"], len(ids))
    described["added_tokens"].sort(key=lambda token: token["id"])
    if described["post_processor"] is not None:
        _renumber(described["post_processor"], ids.__getitem__)
    backend = Backend.from_str(json.dumps(described))
    return Tokenizer(backend, tokenizer.specials, name, gives_case=tokenizer.gives_case)


def with_padding_at(tokenizer: Tokenizer, index: int) -> Tokenizer:
    """Return the tokenizer with this id for its padding token, the other entries numbered around it.

    Raises:
        ConfigError: if its model is of a kind whose entries cannot be changed.
    """
    if tokenizer.special_ids["pad"] == index:
        return tokenizer
    model, padding = described_model(tokenizer), tokenizer.specials["pad"]
    names = [token for token in entries(model) if token != padding]
    names.insert(index, padding)
    scores = {padding: 0.0, **dict(model["vocab"])} if model["type"] == "Unigram" else None
    return with_entries(tokenizer, names, tokenizer.name, merges=merge_pairs(model), scores=scores)


def merge_pairs(model: Described) -> list[tuple[str, str]]:
    """Return the merges of a BPE model, in their order."""
    pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in model.get("merges", []))
    return [(first, second) for first, second in pairs]


def joined(model: Described, first: str, second: str) -> str:
    """Return the entry that two adjacent tokens merge to."""
    prefix = model.get("continuing_subword_prefix") or ""
    return first + second.removeprefix(prefix)


def _renumber(processor: Described, ids: Callable[[str], int]) -> None:
    """Give the special tokens of a frame their new ids."""
    for inner in processor.get("processors", []):
        _renumber(inner, ids)
    if processor["type"] == "TemplateProcessing":
        for special in processor["special_tokens"].values():
            special["ids"] = [ids(token) for token in special["tokens"]]
    elif processor["type"] in ("BertProcessing", "RobertaProcessing"):
        for role in ("cls", "sep"):
            token, _ = processor[role]
            processor[role] = [token, ids(token)]
