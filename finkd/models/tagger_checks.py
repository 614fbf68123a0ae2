"""Checks that the labels, the tokenizer and the embeddings of a tagger fit each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from finkd.corpora.errors import ConfigError
from finkd.corpora.tags import OUTSIDE
from finkd.corpora.wording import counted
from finkd.models.lookup import CONFIG
from finkd.tokenization.casing import CASES
from finkd.tokenization.tokenizer import Tokenizer


def check_head(labels: Sequence[str], name: str | Path) -> None:
    """Raise ``ConfigError`` unless a model has a head that tags entities."""
    if OUTSIDE not in labels:
        raise ConfigError(f"{name}: has no head that tags entities; fine-tune it first")


def check_tokenizer(tokenizer: Tokenizer, embeddings: int, token_types: int, folder: Path) -> None:
    """Check that a model has an embedding for everything that its tokenizer gives it.

    Args:
        tokenizer: of the model.
        embeddings: number of its token embeddings.
        token_types: number of its embeddings of token types.
        folder: of both, for messages.

    Raises:
        ConfigError: if it has not, or the tokenizer has no padding token.
    """
    if "pad" not in tokenizer.special_ids:
        raise ConfigError(f"{folder}: its tokenizer has no padding token; set pad_token in tokenizer_config.json")
    if len(tokenizer) > embeddings:
        raise ConfigError(
            f"{folder}: tokenizer has {counted(len(tokenizer), 'token')}, the model only "
            f"{counted(embeddings, 'embedding')}"
        )
    if tokenizer.gives_case and token_types < len(CASES):
        raise ConfigError(
            f"{folder}: tokenizer gives the case of words, {len(CASES)} token types; the model has only {token_types}"
        )


def check_labels(labels: Sequence[str], folder: Path) -> None:
    """Raise ``ConfigError`` unless labels are IOB2 labels, each given once, with a ``B-`` for each ``I-``."""
    wrong = [label for label in labels if label != OUTSIDE and (label[:2] not in ("B-", "I-") or len(label) == 2)]
    if wrong or OUTSIDE not in labels:
        raise ConfigError(f"{folder / CONFIG}: id2label: expected IOB2 labels (got {', '.join(labels)[:200]})")
    if len(set(labels)) < len(labels):
        twice = Counter(labels).most_common(1)[0][0]
        raise ConfigError(f"{folder / CONFIG}: id2label: found {twice} twice; expected each label once")
    if never := [label for label in labels if label.startswith("I-") and f"B-{label[2:]}" not in labels]:
        raise ConfigError(
            f"{folder / CONFIG}: id2label: found {never[0]} without B-{never[0][2:]}, so that no such entity could "
            "begin; a tagger with such labels (IO, IOB1) can teach one with IOB2 labels: finkd distill --teacher"
        )
