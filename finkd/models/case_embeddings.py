"""Embeddings of the case of words, in the table of token types."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from finkd.corpora.errors import ConfigError
from finkd.models.layer_overrides import family
from finkd.models.model import Model
from finkd.tokenization.casing import CASES

TOKEN_TYPE_FAMILIES = ("bert", "electra", "roberta", "xlm-roberta")
"""Architectures with a table of token types, which single texts leave unused."""


def embed_case(model: Model) -> Model:
    """Return a copy that is given the case of each token's word, by a table of token types with a row for each case.

    All rows are that of the first token type, so that the model computes what it did until it is trained.
    ``transformers`` loads the model as any other; without finkd's tokenizer, all words are read as of case 0.

    Args:
        model: an encoder or tagger; not changed. To one of a cased vocabulary this says little that is new.

    Raises:
        ConfigError: if it has no table of token types, or its tokenizer tells case already.

    Example:
        >>> import finkd
        >>> embed_case(finkd.load_model("tagger")).tokenizer.gives_case
        True
    """
    check_caseless(family(model.encoder.config.model_type), gives_case=model.tokenizer.gives_case)
    student = model.copied()
    embeddings: Any = student.encoder.embeddings
    row = embeddings.token_type_embeddings.weight.detach()[:1]
    embeddings.token_type_embeddings = nn.Embedding(len(CASES), row.shape[1], _weight=row.repeat(len(CASES), 1))
    configs: list[Any] = [student.network.config, student.encoder.config]
    for config in configs:
        config.type_vocab_size = len(CASES)
    return replace(student, tokenizer=model.tokenizer.giving_case())


def check_caseless(kind: str, *, gives_case: bool) -> None:
    """Raise ``ConfigError`` unless a model has room for the case of words and is not given it yet."""
    if kind not in TOKEN_TYPE_FAMILIES:
        raise ConfigError(
            f"embed-case: needs a model with token types ({', '.join(TOKEN_TYPE_FAMILIES)}; got {kind!r})"
        )
    if gives_case:
        raise ConfigError("embed-case: the model is given the case of words already")
