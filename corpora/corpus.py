"""Catalogue entries of corpora, and loaded corpora."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from finkd.corpora.sentence import Sentence

Splits = Mapping[str, Sequence[Sentence]]
Lines = Callable[[], Iterator[str]]
Find = Callable[[str], Path]
_LARGE = 2
"""Times the wanted sentences from which a document is divided."""


@dataclass(frozen=True)
class Source:
    """One published file.

    Attributes:
        sha256: checksum of its bytes.
        url: where the very same bytes can be fetched, or ``None`` if the file was derived or repacked.
    """

    sha256: str
    url: str | None = None


@dataclass(frozen=True)
class Corpus:
    """A catalogue entry, common part.

    Attributes:
        name: its name in the registry.
        origin: hub id or repository, with the commit.
        licence: terms of use, as the origin states them.
        reference: short citation.
        files: path below ``FINKD_DATA`` -> source.
        notes: what a reader of a table should know: how it was split, what was dropped and why.
    """

    name: str
    origin: str
    licence: str
    reference: str
    files: Mapping[str, Source] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SealedSplit:
    """A published split on which nothing may be chosen: it is read only by those who ask for it by name.

    Attributes:
        path: of its file below ``FINKD_DATA``.
        source: of the file.
        read: reads it.
    """

    path: str
    source: Source
    read: Callable[[Path], Sequence[Sentence]]


@dataclass(frozen=True, kw_only=True)
class NerCorpus(Corpus):
    """A labelled corpus.

    Attributes:
        types: its entity types, in the order in which tables show them.
        read: builds the splits, given a function that finds each of ``files``.
        roles: lower-cased surfaces that are labelled as entities but are no names, such as "borrower"; scores are also
            given without them.
        sealed: splits that ``read`` does not give.
    """

    types: tuple[str, ...]
    read: Callable[[Find], Splits]
    roles: frozenset[str] = frozenset()
    sealed: Mapping[str, SealedSplit] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TextCorpus(Corpus):
    """An unlabelled corpus of one or more named sources.

    Attributes:
        read: gives the lines of each source by name, given a function that finds each of ``files``; nothing is opened
            before the lines are asked for.
    """

    read: Callable[[Find], Mapping[str, Lines]]


class OpenAndSealed(Mapping[str, Sequence[Sentence]]):
    """Splits of a corpus. Sealed ones are read when they are asked for by name, and are not listed.

    So nothing that goes through all splits sees them: no default, no fingerprint, no search.

    Args:
        opened: split name -> sentences.
        sealed: split name -> what reads its sentences.
    """

    def __init__(self, opened: Splits, sealed: Mapping[str, Callable[[], Sequence[Sentence]]]) -> None:
        self._opened, self._sealed = opened, sealed
        self._read: dict[str, Sequence[Sentence]] = {}

    def __getitem__(self, name: str) -> Sequence[Sentence]:
        if name not in self._sealed:
            return self._opened[name]
        if name not in self._read:
            self._read[name] = self._sealed[name]()
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._opened or name in self._sealed

    def __iter__(self) -> Iterator[str]:
        return iter(self._opened)

    def __len__(self) -> int:
        return len(self._opened)


@dataclass(frozen=True)
class NerData:
    """A labelled corpus in memory.

    Attributes:
        name: registry name, or the path of a user's own data.
        types: entity types in table order.
        splits: split name -> sentences with IOB2 tags; sealed ones are not listed (``OpenAndSealed``).
        roles: as in ``NerCorpus``.
    """

    name: str
    types: tuple[str, ...]
    splits: Mapping[str, Sequence[Sentence]]
    roles: frozenset[str] = frozenset()

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything a model can see here: types, split names, texts, word spans, tags and documents."""
        digest = hashlib.sha256(repr(self.types).encode())
        for split in sorted(self.splits):
            digest.update(f"\0{split}".encode())
            for sentence in self.splits[split]:
                seen = (sentence.text, sentence.spans, sentence.tags, sentence.document)
                digest.update(repr(seen).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


def split_by_document(sentences: Sequence[Sentence], held_out: Mapping[str, float]) -> dict[str, list[Sentence]]:
    """Split sentences so that no document lies on two sides, the same way on every machine.

    Documents are ordered by a hash of their name; each held-out split takes documents until it has its share of the
    sentences, and ``train`` keeps the rest. A sentence without a document counts as one of its own, named by its text,
    and so do those of a single document, and of one of more than twice the sentences of the smallest share.

    Args:
        sentences: the corpus in its own order, which every split keeps.
        held_out: name -> share of the sentences, such as ``{"validation": 0.1, "test": 0.1}``.
    """
    texts = [sentence.text for sentence in sentences]
    names = [sentence.document or sentence.text for sentence in sentences]
    documents: dict[str, list[int]] = {}
    for index, name in enumerate(large_divided(names, texts, min(held_out.values(), default=1.0) * len(sentences))):
        documents.setdefault(name, []).append(index)
    order = sorted(documents, key=lambda name: hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest())
    chosen: dict[str, list[int]] = {"train": []}
    for split, share in held_out.items():
        chosen[split] = []
        while order and len(chosen[split]) < share * len(sentences):
            chosen[split] += documents[order.pop()]
    chosen["train"] = [index for name in order for index in documents[name]]
    return {split: [sentences[index] for index in sorted(indices)] for split, indices in chosen.items()}


def large_divided(documents: Sequence[str], alone: Sequence[str], wanted: float) -> list[str]:
    """Return the names of documents, but those of a single or large document are divided into sentences.

    Args:
        documents: (sentences,) the name of each one's document.
        alone: (sentences,) names that take its place.
        wanted: sentences of a part; a document of more than twice as many is large.
    """
    sizes = Counter(documents)
    return [
        own if len(sizes) == 1 or sizes[name] > _LARGE * wanted else name
        for name, own in zip(documents, alone, strict=True)
    ]
