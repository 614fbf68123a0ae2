"""Parts of a training split, document by document."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.evaluation.ner import document_names


def folds(sentences: Sequence[Sentence], count: int) -> list[list[Sentence]]:
    """Return the sentences without each of some parts of their documents, in the order of the sentences.

    Documents are dealt out by a hash of their names, so that other documents change little. What stands word for word
    in a part is left out of the rest, too: whoever learns the rest has seen no sentence of the part.

    Raises:
        ConfigError: if there are fewer documents than parts.
    """
    names = document_names(sentences)
    order = sorted({*names}, key=lambda name: hashlib.sha256(name.encode()).digest())
    if len(order) < count:
        raise ConfigError(f"folds: expected up to the number of documents, {len(order)} (got {count})")
    part = {name: place % count for place, name in enumerate(order)}
    left_out: list[set[str]] = [set() for _ in range(count)]
    for sentence, name in zip(sentences, names, strict=True):
        left_out[part[name]].add(sentence.text)
    return [[sentence for sentence in sentences if sentence.text not in texts] for texts in left_out]
