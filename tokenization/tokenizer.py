"""A fast tokenizer with the two things alignment needs: offsets in the original text and special tokens by role."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer as Backend

from finkd.corpora.errors import ConfigError, DataError, first_line
from finkd.corpora.files import atomic_folder
from finkd.tokenization.casing import token_cases
from finkd.tokenization.tokenizer_file import FILE, is_panic, read_backend, read_declared
from finkd.tokenization.tokens import Ints, Longs, Tokens
from finkd.tokenization.word_cache import WordCache, special_before, tokenizes_words_alone

ROLES = ("cls", "sep", "pad", "unk", "mask")
_FALLBACKS = {"cls": "bos", "sep": "eos"}
_COMMON_NAMES = {
    "cls": ("[CLS]", "<s>"),
    "sep": ("[SEP]", "</s>"),
    "pad": ("[PAD]", "<pad>"),
    "unk": ("[UNK]", "<unk>"),
    "mask": ("[MASK]", "<mask>"),
}

_GIVES_CASE = "finkd_gives_case"
"""Entry of ``tokenizer_config.json``."""
_SPACES = [place for place in range(0x3001) if chr(place).isspace()]


class Tokenizer:
    """A Hugging Face fast tokenizer folder, without truncation and padding.

    Args:
        backend: the tokenizer; its truncation and padding are switched off on a copy.
        specials: role (``cls``, ``sep``, ``pad``, ``unk``, ``mask``) -> token.
        name: what reports call it.
        gives_case: whether models are given the case of each token's word as its token type.

    Raises:
        ConfigError: if a special token is not in the vocabulary.

    Example:
        >>> import finkd
        >>> tokenizer = finkd.Tokenizer.load("tokenizer")
        >>> tokens = tokenizer.encode(["the bank"])
        >>> [tokenizer.vocabulary[index] for index in tokens.ids]
        ['[CLS]', 'the', 'bank', '[SEP]']
    """

    def __init__(self, backend: Backend, specials: Mapping[str, str], name: str, *, gives_case: bool = False) -> None:
        self.backend = Backend.from_str(backend.to_str())
        self.backend.no_truncation()
        self.backend.no_padding()
        # In one order, so that equal tokenizers are written as equal bytes.
        order = [*ROLES, *sorted(specials.keys() - set(ROLES))]
        self.specials = {role: specials[role] for role in order if role in specials}
        self.name = name
        self.gives_case = gives_case
        self.special_ids: dict[str, int] = {}
        for role, token in self.specials.items():
            found = self.backend.token_to_id(token)
            if found is None:
                raise ConfigError(f"tokenizer {name}: special token {token!r} ({role}) is not in its vocabulary")
            self.special_ids[role] = found

    @classmethod
    def load(cls, folder: str | Path) -> Tokenizer:
        """Read ``tokenizer.json`` and the special tokens' roles from a folder.

        Raises:
            ConfigError: if the folder holds no fast tokenizer, or a broken one.
        """
        folder = Path(folder)
        path = folder / FILE
        if not path.is_file():
            raise ConfigError(
                f"{folder}: no tokenizer.json (a fast tokenizer is needed for character offsets); save one with "
                "AutoTokenizer.from_pretrained(...).save_pretrained(folder) or train one with 'finkd vocab'"
            )
        backend = read_backend(folder)
        declared = read_declared(folder)
        name = declared.get("name_or_path") or folder.name
        return cls(backend, _roles(declared, backend), name, gives_case=declared.get(_GIVES_CASE) is True)

    def giving_case(self, gives_case: bool = True) -> Tokenizer:
        """Return a copy by which models are given the case of words, or not."""
        return Tokenizer(self.backend, self.specials, self.name, gives_case=gives_case)

    def save(self, folder: str | Path, max_length: int = 512) -> None:
        """Write a folder that ``AutoTokenizer.from_pretrained`` loads."""
        with atomic_folder(Path(folder)) as temporary:
            self.write(temporary, max_length)

    def write(self, folder: Path, max_length: int) -> None:
        """Write ``tokenizer.json`` and ``tokenizer_config.json`` into a folder that exists."""
        config = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "name_or_path": self.name,
            "model_max_length": max_length,
            "clean_up_tokenization_spaces": False,
            **{f"{role}_token": token for role, token in self.specials.items()},
            **({_GIVES_CASE: True} if self.gives_case else {}),
        }
        (folder / "tokenizer.json").write_text(self.backend.to_str(pretty=True), encoding="utf-8")
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """Token of each id; ids that no token holds are empty strings."""
        by_token = self.backend.get_vocab(with_added_tokens=True)
        tokens = [""] * (max(by_token.values()) + 1)
        for token, index in by_token.items():
            tokens[index] = token
        return tuple(tokens)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that decides how a text is tokenized, and which tokens are special."""
        case = "case" if self.gives_case else ""
        roles = json.dumps(self.unusual_specials) if self.unusual_specials else ""
        return hashlib.sha256((self.backend.to_str() + case + roles).encode()).hexdigest()[:16]

    @cached_property
    def unusual_specials(self) -> dict[str, str]:
        """Role -> special token, if they are not those that the names in the vocabulary suggest; else empty."""
        return {} if self.specials == _roles({}, self.backend) else self.specials

    @cached_property
    def literal(self) -> frozenset[int]:
        """Entries that are taken out of a text before it is tokenized: special tokens and protected words."""
        return frozenset(self.backend.get_added_tokens_decoder())

    @cached_property
    def lowercases(self) -> bool:
        """Whether upper and lower case give the same ids."""
        return self.backend.encode("Paris").ids == self.backend.encode("paris").ids

    @cached_property
    def continuation(self) -> str:
        """Marker that tells the start of a word from its continuation.

        ``"##"`` marks continuations (WordPiece); ``"Ġ"`` (byte-level) and ``"▁"`` (Metaspace) mark starts; ``""`` if
        tokens carry no mark.
        """
        counts = {mark: sum(token.startswith(mark) for token in self.vocabulary) for mark in ("##", "Ġ", "▁")}
        best = max(counts, key=lambda mark: counts[mark])
        return best if counts[best] else ""

    @property
    def before_word(self) -> str:
        """What comes before a word that is tokenized alone, so that it is read as within a text.

        Byte-level tokens, and ``▁`` tokens of a tokenizer that does not put ``▁`` before each text (Gemma's), carry the
        space before a word; without it, the middle of one would be read.
        """
        mark = self.continuation
        carries = mark == "Ġ" or (
            mark == "▁" and not "".join(self.backend.encode("a", add_special_tokens=False).tokens).startswith(mark)
        )
        return " " if carries else ""

    def __len__(self) -> int:
        return len(self.vocabulary)

    def __repr__(self) -> str:
        return f"Tokenizer({self.name!r}, {len(self)} tokens)"

    def encode(self, texts: Sequence[str]) -> Tokens:
        """Tokenize texts, special tokens included.

        Args:
            texts: any Unicode; empty texts give only special tokens.
        """
        return self._encode(texts) if self._words is None else self._words.encode(texts)

    @cached_property
    def _words(self) -> WordCache | None:
        before = special_before(self.backend)
        return None if before is None or not tokenizes_words_alone(self.backend) else WordCache(self._encode, before)

    def _encode(self, texts: Sequence[str]) -> Tokens:
        """Tokenize texts, none of which is split at its spaces first."""
        encodings = self._encodings(texts)
        counts = np.fromiter((len(e) for e in encodings), np.int64, len(encodings))
        rows = np.concatenate(([0], np.cumsum(counts)))
        ids = np.empty(rows[-1], np.int32)
        spans = np.empty((rows[-1], 2), np.int32)
        for encoding, start, end in zip(encodings, rows[:-1].tolist(), rows[1:].tolist(), strict=True):
            if end > start:
                ids[start:end] = encoding.ids
                spans[start:end] = encoding.offsets
        lengths = np.fromiter((len(text) for text in texts), np.int64, len(encodings))
        starts, ends = _trim_white_space(texts, lengths, spans, counts)
        empty = starts == ends
        return Tokens(
            ids,
            starts,
            ends,
            rows,
            lengths,
            opening=empty & (ids == self.special_ids.get("cls", -1)),
            closing=empty & (ids == self.special_ids.get("sep", -1)),
            cases=token_cases(texts, starts, ends, rows),
        )

    def _encodings(self, texts: Sequence[str]) -> Sequence[Any]:
        return encodings(self.backend, texts, self.name)


def encodings(backend: Backend, texts: Sequence[str], name: str) -> Sequence[Any]:
    """Return the library's encoding of each text.

    Raises:
        DataError: if it cannot tokenize one; the message calls the tokenizer ``name``.
    """
    try:
        return backend.encode_batch(list(texts), add_special_tokens=True)
    except BaseException as error:
        # The library has no error of its own: it raises bare Exception, or gives up in a way of its own.
        if type(error) is not Exception and not is_panic(error):
            raise
        raise DataError(f"tokenizer {name}: cannot tokenize a text ({first_line(error)})") from error


def _roles(declared: Mapping[str, Any], backend: Backend) -> dict[str, str]:
    """Special tokens by role, as declared, else by the usual names."""
    roles = {}
    for role in ROLES:
        token = declared.get(f"{role}_token") or declared.get(f"{_FALLBACKS.get(role)}_token")
        token = token.get("content") if isinstance(token, dict) else token
        candidates = [token] if token else _COMMON_NAMES[role]
        found = next((name for name in candidates if backend.token_to_id(name) is not None), None)
        if found is not None:
            roles[role] = found
    return roles


def _trim_white_space(texts: Sequence[str], lengths: Longs, spans: Ints, counts: Longs) -> tuple[Ints, Ints]:
    """Move span borders over white space, which Metaspace and ByteLevel tokens carry but do not mean.

    Returns:
        starts and ends, (tokens,) each, where a token of white space alone becomes empty.
    """
    # A character after each text lets an empty token at its end be looked up without leaving the array.
    joined = "".join(text + "\0" for text in texts)
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    places, blank = np.arange(len(points)), np.isin(points, _SPACES)
    next_sign = np.minimum.accumulate(np.where(blank, len(points), places)[::-1])[::-1]
    after_last_sign = np.maximum.accumulate(np.where(blank, 0, places + 1))
    offset = np.repeat(np.cumsum(lengths + 1) - lengths - 1, counts)
    starts, ends = spans[:, 0].astype(np.int64) + offset, spans[:, 1].astype(np.int64) + offset
    starts = np.where(starts < ends, np.minimum(next_sign[starts], ends), starts)
    ends = np.where(starts < ends, after_last_sign[ends - 1], ends)
    return (starts - offset).astype(np.int32), (ends - offset).astype(np.int32)
