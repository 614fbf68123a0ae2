"""Shape of an encoder, read from its files without loading it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from finkd.corpora.errors import ConfigError
from finkd.models.config_file import positions, read_config
from finkd.models.layer_overrides import LINEARS, Slim, family
from finkd.models.lookup import CONFIG
from finkd.models.weight_files import held, weight_files
from finkd.tokenization.analysis import Encoder

_TOKEN_EMBEDDINGS = ("word_embeddings.weight", "tok_embeddings.weight")
"""Ends of the name of a table of token embeddings: BERT's and most others', and ModernBERT's."""

_GATED = frozenset({"eurobert", "modernbert", "nomic_bert"})
"""Families with a third matrix in a feed-forward layer, whose outputs gate those of the first."""

Size = tuple[int, int]
"""Rows and columns of a matrix."""


@dataclass(frozen=True)
class Shape(Encoder):
    """An encoder's shape with what stages change of it.

    Attributes:
        entries: of its vocabulary.
        family: its architecture, slim or not, such as ``"bert"``.
        slim: how its layers differ from the other sizes.
    """

    entries: int
    family: str
    slim: Slim = field(default_factory=Slim)

    @property
    def feed_forward_matrices(self) -> int:
        """Matrices of a feed-forward layer."""
        return 3 if self.family in _GATED else 2

    def cut(self, **changes: Any) -> Shape:
        """Another shape, its weights counted anew: square projections, feed-forward layers, embeddings and biases."""
        new = replace(self, **changes)
        feed_forward = self.feed_forward_matrices * new.width * new.intermediate
        layer = 4 * new.width**2 + feed_forward + new.intermediate + 9 * new.width
        embeddings = (new.entries + new.positions + 4) * new.rank
        projection = (new.rank + 1) * new.width if new.rank < new.width else 0
        return replace(new, parameters=embeddings + projection + new.layers * layer)

    def overridden(self, **changes: Any) -> Shape:
        """Another shape, with changes of how its layers differ."""
        return replace(self, slim=replace(self.slim, **changes))

    @property
    def heads_by_layer(self) -> tuple[int, ...]:
        """(layers,) attention heads."""
        return self.slim.heads or (self.heads,) * self.layers

    @property
    def units_by_layer(self) -> tuple[int, ...]:
        """(layers,) feed-forward units."""
        return self.slim.units or (self.intermediate,) * self.layers

    def matrices(self) -> dict[str, Size]:
        """Sizes of the matrices of all layers, before any is of low rank, by ``"layer.matrix"``."""
        found: dict[str, Size] = {}
        for layer, (heads, units) in enumerate(zip(self.heads_by_layer, self.units_by_layer, strict=True)):
            attention, feed_forward = (heads * self.width // self.heads, self.width), (units, self.width)
            sizes = (*[attention] * 3, attention[::-1], feed_forward, feed_forward[::-1])
            found |= {f"{layer}.{name}": size for name, size in zip(LINEARS, sizes, strict=True)}
        return found

    def of_layers(self, layers: Sequence[int]) -> Shape:
        """The shape of some of the layers."""
        return self.cut(layers=len(layers), slim=self.slim.of_layers(layers))


def read_shape(folder: Path) -> Shape:
    """Shape of a saved encoder, read from its configuration and the heads of its weight files alone.

    Raises:
        ConfigError: if the configuration does not tell the shape, or there are no word embeddings.
        DataError: if a file is damaged.
    """
    path = folder / CONFIG
    config = read_config(folder)
    parameters, (entries, rank) = parameters_and_embeddings(folder)
    _whole(config, path, "max_position_embeddings")
    return Shape(
        parameters=parameters,
        entries=entries,
        rank=rank,
        width=_whole(config, path, "hidden_size", "dim"),
        layers=_whole(config, path, "num_hidden_layers", "n_layers"),  # DistilBERT has names of its own
        heads=_whole(config, path, "num_attention_heads", "n_heads"),
        intermediate=_whole(config, path, "intermediate_size", "hidden_dim"),
        positions=positions(config),
        family=family(config["model_type"]),
        slim=Slim.read(config.get("slim") or {}),
    )


def parameters_and_embeddings(folder: Path) -> tuple[int, Size]:
    """Parameters of a saved model, and the size of its token embeddings, read from the heads of its files.

    Raises:
        ConfigError: if there are no weight files, or no word embeddings in them.
        DataError: if one is damaged.
    """
    total = entries = width = 0
    for path in weight_files(folder):
        for name, tensor in held(path).items():
            total += 0 if name.endswith("position_ids") else tensor.size
            if name.endswith(_TOKEN_EMBEDDINGS) and len(tensor.shape) == 2:
                entries, width = tensor.shape
    if not width:
        raise ConfigError(f"{folder}: found no word embeddings in its weight files; expected an encoder's weights")
    return total, (entries, width)


def _whole(config: Mapping[str, Any], path: Path, *keys: str) -> int:
    """The first of some keys that a model's configuration holds."""
    found = next((config[key] for key in keys if key in config), None)
    if not isinstance(found, int):
        raise ConfigError(f"{path}: {' or '.join(keys)}: found {json.dumps(found)[:40]}; expected a whole number")
    return found
