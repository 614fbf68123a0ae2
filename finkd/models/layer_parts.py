"""Module names within a transformer layer of BERT, RoBERTa and ELECTRA, and of DistilBERT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from finkd.corpora.errors import ConfigError

LINEARS = ("query", "key", "value", "attended", "raised", "lowered")
"""Matrices of a layer: query, key, value and output of attention; first and second feed-forward matrix."""


@dataclass(frozen=True)
class Parts:
    """Names of the modules of a layer.

    Attributes:
        query: query matrix.
        key: key matrix.
        value: value matrix.
        attended: output matrix of attention.
        raised: first feed-forward matrix, from states to units.
        lowered: second feed-forward matrix, from units to states.
        attention: modules of the attention half.
        feed_forward: modules of the feed-forward half.
    """

    query: str
    key: str
    value: str
    attended: str
    raised: str
    lowered: str
    attention: tuple[str, ...]
    feed_forward: tuple[str, ...]

    @property
    def halves(self) -> dict[str, tuple[str, ...]]:
        """Modules of each half, and of both."""
        both = (*self.attention, *self.feed_forward)
        return {"all": both, "attention": self.attention, "feed-forward": self.feed_forward}

    def linear(self, layer: nn.Module, name: str) -> nn.Module:
        """Return a matrix of a layer by its name in ``LINEARS``."""
        return layer.get_submodule(getattr(self, name))


_BERT = Parts(
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
    ("attention",),
    ("intermediate", "output"),
)
_DISTILBERT = Parts(
    "attention.q_lin",
    "attention.k_lin",
    "attention.v_lin",
    "attention.out_lin",
    "ffn.lin1",
    "ffn.lin2",
    ("attention", "sa_layer_norm"),
    ("ffn", "output_layer_norm"),
)


def parts(layer: nn.Module) -> Parts:
    """Return the module names of a layer.

    Raises:
        ConfigError: if it is of another architecture.
    """
    names = {name for name, _ in layer.named_modules()}
    for each in (_BERT, _DISTILBERT):
        if each.query in names and each.lowered in names:
            return each
    raise ConfigError("compress: needs the layers of a BERT, RoBERTa, ELECTRA or DistilBERT")


def head_size(layer: nn.Module) -> int:
    """Return the dimensions of one attention head of a layer."""
    attention: Any = layer.get_submodule(parts(layer).query.rpartition(".")[0])
    return int(attention.attention_head_size)
