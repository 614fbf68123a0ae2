"""Parts of a training split, document by document."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from finkd.corpora.corpus import large_divided
from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.corpora.wording import counted
from finkd.evaluation.ner import document_names


class Fold(NamedTuple):
    """A part of a training split.

    Attributes:
        rest: the sentences of the other documents, but for those that stand word for word in the part.
        part: the sentences of its documents.
    """

    rest: list[Sentence]
    part: list[Sentence]


def folds(sentences: Sequence[Sentence], count: int) -> list[Fold]:
    """Divide the documents into parts; return each of them and what is left without it, in the order of the sentences.

    Documents are dealt out by a hash of their names, so that other documents change little. Whoever learns the rest of
    a fold has seen no sentence of its part.

    Raises:
        ConfigError: if there are fewer documents than parts, or nothing is left to learn from.
    """
    names = document_names(sentences)
    order = _shuffled(names)
    if len(order) < count:
        raise ConfigError(f"folds: expected up to the number of documents, {len(order)} (got {count})")
    place = {name: number % count for number, name in enumerate(order)}
    parts: list[list[Sentence]] = [[] for _ in range(count)]
    for sentence, name in zip(sentences, names, strict=True):
        parts[place[name]].append(sentence)
    found = []
    for part in parts:
        texts = {sentence.text for sentence in part}
        rest = [sentence for sentence in sentences if sentence.text not in texts]
        if not rest:
            raise ConfigError(
                f"folds: nothing is left to learn from without {counted(len(part), 'sentence')} of a fold"
            )
        found.append(Fold(rest, part))
    return found


def held_out(sentences: Sequence[Sentence], share: float) -> tuple[list[Sentence], list[Sentence]]:
    """Divide the sentences into a part to learn from and a held-out part, document by document.

    A single document, and one of more than twice the wanted sentences, is divided by sentences. What stands word for
    word in the held-out part is left out of the other.

    Args:
        sentences: of a training split.
        share: of the sentences that are held out, at least.

    Raises:
        ConfigError: if nothing would be left to learn from.
    """
    names, wanted = document_names(sentences), share * len(sentences)
    documents = len({*names})
    names = large_divided(names, [f"{name} {place}" for place, name in enumerate(names)], wanted)
    sizes = Counter(names)
    chosen: set[str] = set()
    size = 0
    for name in _shuffled(names):
        if size >= wanted:
            break
        chosen.add(name)
        size += sizes[name]
    part = [sentence for sentence, name in zip(sentences, names, strict=True) if name in chosen]
    texts = {sentence.text for sentence in part}
    rest = [sentence for sentence in sentences if sentence.text not in texts]
    if not part or not rest:
        raise ConfigError(
            f"held_out: {share:g} of {counted(len(sentences), 'sentence')} in {counted(documents, 'document')} "
            "leaves nothing to learn from or to hold out"
        )
    return rest, part


def _shuffled(names: Sequence[str]) -> list[str]:
    """The distinct names in an order by their hashes."""
    return sorted({*names}, key=lambda name: hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest())
