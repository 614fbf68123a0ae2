"""The query, key and value matrices of a network."""

from __future__ import annotations

from torch import nn
from transformers import PreTrainedModel

from finkd.corpora.errors import ConfigError

_NAMES = (("query", "key", "value"), ("q_lin", "k_lin", "v_lin"), ("q", "k", "v"))
"""BERT's and RoBERTa's, DistilBERT's, and MPNet's."""


def attention_projections(network: PreTrainedModel) -> list[nn.Module]:
    """Return the query, key and value matrices in the order in which they are called.

    Raises:
        ConfigError: if the architecture has other projections.
    """
    for names in _NAMES:
        found = [module for name, module in network.named_modules() if name.rsplit(".", 1)[-1] in names]
        if found:
            return found
    raise ConfigError(
        f"attention of {network.config.model_type!r} cannot be read (BERT, RoBERTa, DistilBERT and MPNet can)"
    )
