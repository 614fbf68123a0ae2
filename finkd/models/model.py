"""Models: networks with their tokenizers."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from torch import nn
from transformers import PreTrainedModel

from finkd.corpora.errors import ConfigError
from finkd.models.config_file import first_position
from finkd.models.layer_overrides import Slim
from finkd.tokenization.tokenizer import Tokenizer


@dataclass(frozen=True)
class Model:
    """Network with its tokenizer; input and output of every stage.

    Attributes:
        network: an encoder, bare or with a head.
        tokenizer: its tokenizer.
        labels: label of each output; empty without a head, and with a masked-LM head.

    Example:
        >>> import finkd
        >>> finkd.load_model("tagger").labels[0]
        'O'
    """

    network: PreTrainedModel
    tokenizer: Tokenizer
    labels: tuple[str, ...] = ()

    @property
    def encoder(self) -> PreTrainedModel:
        """Encoder without the head."""
        return cast(PreTrainedModel, self.network.base_model)

    @property
    def layer_holder(self) -> Any:
        """Module whose attribute ``layer`` lists the transformer layers.

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
        """Transformer layers of the encoder."""
        return cast(nn.ModuleList, self.layer_holder.layer)

    @property
    def layer_names(self) -> list[str]:
        """Names of the layers within the network, such as ``"bert.encoder.layer.0"``."""
        names = {module: name for name, module in self.network.named_modules()}
        return [names[layer] for layer in self.layers]

    @property
    def slim(self) -> Slim:
        """Differences between the layers and the configuration."""
        return Slim.of(self.network)

    @property
    def max_length(self) -> int:
        """Number of tokens that the position embeddings have room for."""
        config = self.encoder.config
        positions = int(getattr(config, "max_position_embeddings", 512))
        return positions - first_position(config.model_type, getattr(config, "pad_token_id", None))

    @property
    def embeddings(self) -> nn.Embedding:
        """Token embeddings, (vocabulary, width)."""
        return cast(nn.Embedding, self.encoder.get_input_embeddings())

    @property
    def tagging_head(self) -> nn.Linear:
        """Token-classification head of a tagger."""
        return cast(nn.Linear, self.network.classifier)

    @property
    def has_masked_head(self) -> bool:
        """Whether the network has a masked-LM head."""
        return self.network.get_output_embeddings() is not None  # type: ignore[no-untyped-call]

    def copied(self) -> Model:
        """Return a copy whose weights and configuration may be changed."""
        return replace(self, network=copy.deepcopy(self.network))

    def save(self, folder: Path) -> None:
        """Write weights, configuration and tokenizer into an existing folder, for ``transformers`` to load."""
        self.network.save_pretrained(folder)
        self.tokenizer.write(folder, self.max_length)
