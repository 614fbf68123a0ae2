"""Where a layer keeps its parts, in BERT, RoBERTa and ELECTRA, and in DistilBERT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from finkd.corpora.errors import ConfigError

LINEARS = ("query", "key", "value", "attended", "raised", "lowered")
"""Matrices of a layer, as this package calls them."""


@dataclass(frozen=True)
class Parts:
    """Names of the modules of a layer.

    Attributes:
        query: makes queries of states.
        key: makes keys.
        value: makes values.
        attended: makes states of what heads have read.
        raised: makes the feed-forward units of states.
        lowered: makes states of the units.
        attention: modules that together are the attention half.
        feed_forward: modules that together are the other half.
    """

    query: str
    key: str
    value: str
    attended: str
    raised: str
    lowered: str
    attention: tuple[str, ...]
    feed_forward: tuple[str, ...]

    def linear(self, layer: nn.Module, name: str) -> nn.Module:
        """A matrix of a layer, by its name in ``LINEARS``."""
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
    """Names of a layer's parts.

    Raises:
        ConfigError: if it is of another architecture.
    """
    names = {name for name, _ in layer.named_modules()}
    for each in (_BERT, _DISTILBERT):
        if each.query in names and each.lowered in names:
            return each
    raise ConfigError("compress: needs the layers of a BERT, RoBERTa, ELECTRA or DistilBERT")


def head_size(layer: nn.Module) -> int:
    """Dimensions of one attention head of a layer."""
    attention: Any = layer.get_submodule(parts(layer).query.rpartition(".")[0])
    return int(attention.attention_head_size)


def halves(layer: nn.Module) -> dict[str, tuple[str, ...]]:
    """Modules of both halves of a layer, and of each."""
    names = parts(layer)
    return {
        "all": (*names.attention, *names.feed_forward),
        "attention": names.attention,
        "feed-forward": names.feed_forward,
    }
