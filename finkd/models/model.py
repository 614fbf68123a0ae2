"""A network with its tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from torch import nn
from transformers import (
    PreTrainedModel,
)

from finkd.corpora.errors import ConfigError
from finkd.models.files import first_position
from finkd.tokenization.tokenizer import Tokenizer


@dataclass(frozen=True)
class Model:
    """A network with the tokenizer it reads through; every stage takes one and gives one.

    Attributes:
        network: an encoder, bare or with a head that scores tokens, the vocabulary, texts or answers.
        tokenizer: its tokenizer.
        labels: label of each output, empty for an encoder without a head.
    """

    network: PreTrainedModel
    tokenizer: Tokenizer
    labels: tuple[str, ...] = ()

    @property
    def encoder(self) -> PreTrainedModel:
        """The encoder, with or without a head on it."""
        return cast(PreTrainedModel, self.network.base_model)

    @property
    def layer_holder(self) -> Any:
        """The module whose attribute ``layer`` lists the transformer layers.

        Raises:
            ConfigError: if the architecture keeps them elsewhere than BERT, RoBERTa and DistilBERT do.
        """
        for name in ("encoder", "transformer"):
            holder = getattr(self.encoder, name, None)
            if isinstance(getattr(holder, "layer", None), nn.ModuleList):
                return holder
        kind = self.encoder.config.model_type
        raise ConfigError(f"model: layers of {kind!r} cannot be chosen (BERT, RoBERTa and DistilBERT can)")

    @property
    def layers(self) -> nn.ModuleList:
        """The encoder's transformer layers."""
        return cast(nn.ModuleList, self.layer_holder.layer)

    @property
    def max_length(self) -> int:
        """Tokens that the position embeddings have room for."""
        config = self.encoder.config
        positions = int(getattr(config, "max_position_embeddings", 512))
        return positions - first_position(config.model_type, getattr(config, "pad_token_id", None))

    @property
    def embeddings(self) -> nn.Embedding:
        """The token embedding table, (vocabulary, width)."""
        return cast(nn.Embedding, self.encoder.get_input_embeddings())

    @property
    def tagging_head(self) -> nn.Linear:
        """What scores the labels of a tagger at each token."""
        return cast(nn.Linear, self.network.classifier)

    @property
    def has_masked_head(self) -> bool:
        """Whether the network scores the vocabulary at each token."""
        return self.network.get_output_embeddings() is not None  # type: ignore[no-untyped-call]

    def save(self, folder: Path) -> None:
        """Write weights, configuration and tokenizer into a folder that exists; ``transformers`` can load it."""
        self.network.save_pretrained(folder)
        self.tokenizer.write(folder, self.max_length)
