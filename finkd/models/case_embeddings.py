"""Embeddings of the case of words, in the table of token types."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, cast

import torch
from torch import nn
from transformers import PreTrainedModel

from finkd.corpora.errors import ConfigError
from finkd.models.architectures import family, no_pooler, register
from finkd.models.case_architectures import HEADS, CaseMPNetConfig, case_network
from finkd.models.model import Model
from finkd.tokenization.casing import CASES

FAMILIES = ("bert", "electra", "roberta", "xlm-roberta", "mpnet")
"""Architectures with a table of token types that single texts leave unused, and MPNet, which is given one."""


TABLE = "embeddings.token_type_embeddings.weight"
"""Parameter of an encoder that holds a row for each case."""


def embed_case(model: Model) -> Model:
    """Return a copy that is given the case of each token's word, by a table of token types with a row for each case.

    All rows are that of the first token type, so that the model computes what it did until it is trained.
    ``transformers`` loads the model as any other (MPNet once finkd is imported); without finkd's tokenizer, all words
    are read as of case 0.

    Args:
        model: an encoder or tagger of an uncased vocabulary; not changed.

    Raises:
        ConfigError: if it has no table of token types, or its tokenizer tells case already.

    Example:
        >>> import finkd
        >>> finkd.embed_case(finkd.load_model("tagger")).tokenizer.gives_case
        True
    """
    check_caseless(family(model.encoder.config), tells_case=model.tokenizer.gives_case)
    network = _with_types(model.network) if model.network.config.model_type == "mpnet" else copy.deepcopy(model.network)
    embeddings: Any = network.base_model.embeddings
    row = embeddings.token_type_embeddings.weight.detach()[:1]
    embeddings.token_type_embeddings = nn.Embedding(len(CASES), row.shape[1], _weight=row.repeat(len(CASES), 1))
    configs: list[Any] = [network.config, network.base_model.config]
    for config in configs:
        config.type_vocab_size = len(CASES)
    return replace(model, network=network.train(False), tokenizer=model.tokenizer.giving_case())


def _with_types(network: PreTrainedModel) -> PreTrainedModel:
    """Return a copy of an MPNet with one token type, whose embedding is zero."""
    register()
    head = next(each for each in HEADS if type(network).__name__.endswith(each))
    entries = network.config.to_dict()
    entries.pop("model_type")
    options = no_pooler("mpnet") if head == "Model" and getattr(network, "pooler", None) is None else {}
    with torch.random.fork_rng(devices=[]):
        made: Any = case_network(head)(CaseMPNetConfig(**entries), **options)
    path = next(name for name, _ in made.named_parameters() if name.endswith(TABLE))
    zeros = torch.zeros_like(made.base_model.embeddings.token_type_embeddings.weight)
    made.load_state_dict({**network.state_dict(), path: zeros})
    return cast(PreTrainedModel, made)


def check_caseless(kind: str, *, tells_case: bool) -> None:
    """Raise ``ConfigError`` unless a model can be given the case of words, which its tokenizer drops."""
    if kind not in FAMILIES:
        raise ConfigError(f"embed-case: needs a model with token types ({', '.join(FAMILIES)}; got {kind!r})")
    if tells_case:
        raise ConfigError("embed-case: the model is given the case of words already")
