"""Splits of labelled corpora: divide a single file, choose the split that is scored, check its labels and types."""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from collections.abc import Collection, Sequence

from finkd.corpora.catalog import corpora
from finkd.corpora.corpus import NerData, split_by_document
from finkd.corpora.errors import ConfigError, DataError
from finkd.corpora.loading import load
from finkd.corpora.registry import unknown
from finkd.corpora.tags import entities, label_names
from finkd.corpora.wording import counted

logger = logging.getLogger(__name__)

_PREFERRED = ("test", "validation", "all")
_HELD_OUT = 0.2
"""Share of the sentences of a single file that an experiment is scored on."""
_SHOWN = 5
"""Types that a message counts."""


def scored_split(data: NerData, wanted: str | None = None) -> str:
    """The split that is asked for, or else ``test``, ``validation``, or the one split of a single file.

    Raises:
        ConfigError: if the corpus has no such split, or none to choose.
    """
    if wanted is None:
        wanted = next((split for split in _PREFERRED if split in list(data.splits)), _PREFERRED[0])  # no sealed one
    if wanted not in data.splits:
        raise ConfigError(unknown(f"splits of {data.name}", wanted, list(data.splits)))
    return wanted


def with_train(data: NerData, whole: bool = False) -> NerData:
    """Return a corpus that can be learned from: a single file is divided into ``train`` and ``test``, by documents.

    Args:
        data: the corpus.
        whole: whether all of a single file is ``train``, as for cross-validation.
    """
    if list(data.splits) != ["all"]:
        return data
    sentences = data.splits["all"]
    splits = {"train": sentences} if whole else split_by_document(sentences, {"test": _HELD_OUT})
    if not whole:
        logger.info(
            "%s: one file; %d of its %d sentences are its test split", data.name, len(splits["test"]), len(sentences)
        )
    return dataclasses.replace(data, splits=splits)


def load_split(
    corpus: str, split: str | None = None, scheme: str = "IOB2", offsets: str = "characters"
) -> tuple[NerData, str]:
    """Load a corpus; return it with the name of the split that is read, see ``scored_split``.

    A single file is divided as experiments divide it if ``train`` or ``test`` is wanted, and otherwise read as a whole.

    Args:
        corpus: its name or path.
        split: the split that is wanted, if any.
        scheme: as for ``finkd.corpora.load``.
        offsets: likewise.

    Raises:
        FinkdError: if there is no such corpus, or it has no such split.
    """
    data = load(corpus, scheme, offsets)
    if split in ("train", "test"):
        data = with_train(data)
    elif split is None and list(data.splits) == ["all"]:
        logger.warning(
            "%s: one file, read as a whole; part of it may have been trained on ('--split test' reads the fifth that "
            "experiments hold out)",
            data.name,
        )
    return data, scored_split(data, split)


def has_labels(labels: Sequence[str], types: Sequence[str]) -> bool:
    """Return whether a tagger has all labels of a corpus, in any order.

    Args:
        labels: of its outputs.
        types: of the corpus.
    """
    return set(label_names(types)) <= set(labels)


def check_labels(model: str, labels: Sequence[str], data: NerData) -> None:
    """Check that a tagger has all labels of a corpus.

    Args:
        model: its name, for the message.
        labels: of its outputs.
        data: the corpus.

    Raises:
        ConfigError: with the labels of both.
    """
    if not has_labels(labels, data.types):
        wanted = label_names(data.types)
        raise ConfigError(
            f"{model}: its labels ({', '.join(labels)}) do not match {data.name} ({', '.join(wanted)}); name the "
            "corpus that it learned, --corpus"
        )


def check_types(data: NerData, scored: Collection[str]) -> None:
    """Check that the training split has every type; a type that it lacks cannot be learned.

    Only the splits that are scored are looked at. In the corpora with a name, whose splits are published so, it is told
    of and not refused.

    Args:
        data: the corpus.
        scored: names of the splits that are scored.

    Raises:
        DataError: with the types and the split.
    """
    learned = _types(data, "train")
    for split in scored:
        lacking = Counter({name: count for name, count in _types(data, split).items() if name not in learned})
        if not lacking:
            continue
        shown = [f"{count} of the type {name!r}" for name, count in lacking.most_common(_SHOWN)]
        if len(lacking) > _SHOWN:
            shown.append(counted(len(lacking) - _SHOWN, "more type"))
        found = f"{data.name}: {split} has {' and '.join(shown)}, and train has none of it"
        if data.name not in corpora:
            raise DataError(f"{found}; label some of it in train, or take its labels out of {split}")
        logger.warning("%s: it cannot be learned", found)


def _types(data: NerData, split: str) -> Counter[str]:
    """Count the entities of each type."""
    return Counter(entity.type for sentence in data.splits[split] for entity in entities(sentence.tags or ()))
