"""What a tagger has to be, whatever runs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from finkd.corpora.errors import ConfigError
from finkd.corpora.tags import OUTSIDE
from finkd.corpora.wording import counted
from finkd.tokenization.tokenizer import Tokenizer


def check_head(labels: Sequence[str], name: str | Path) -> None:
    """See that a model has a head for entities.

    Raises:
        ConfigError: if its labels are not such, or it has none.
    """
    if OUTSIDE not in labels:
        raise ConfigError(f"{name}: has no head that tags entities; fine-tune it first")


def check_tokenizer(tokenizer: Tokenizer, embeddings: int, folder: Path) -> None:
    """See that a model can read what its tokenizer gives.

    Raises:
        ConfigError: if nothing can fill up its batches, or it has fewer embeddings than there are tokens.
    """
    if "pad" not in tokenizer.special_ids:
        raise ConfigError(f"{folder}: its tokenizer has no padding token; set pad_token in tokenizer_config.json")
    if len(tokenizer) > embeddings:
        raise ConfigError(
            f"{folder}: tokenizer has {counted(len(tokenizer), 'token')}, the model only "
            f"{counted(embeddings, 'embedding')}"
        )


def check_labels(labels: Sequence[str], folder: Path) -> None:
    """See that labels are those of a tagger of entities.

    Raises:
        ConfigError: if they are not IOB2's.
    """
    wrong = [label for label in labels if label != OUTSIDE and (label[:2] not in ("B-", "I-") or len(label) == 2)]
    if wrong or OUTSIDE not in labels:
        raise ConfigError(f"{folder / 'config.json'}: id2label: expected IOB2 labels (got {', '.join(labels)[:200]})")
    if len(set(labels)) < len(labels):
        twice = Counter(labels).most_common(1)[0][0]
        raise ConfigError(f"{folder / 'config.json'}: id2label: found {twice} twice; expected each label once")
