"""Capabilities of a saved model, found without reading its weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoModelForMaskedLM

from finkd.corpora.errors import ConfigError
from finkd.models.files import check_described, read_config
from finkd.models.heads import check_masked_head
from finkd.models.loading import configuration
from finkd.models.model import Model
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokenizer_file import first_line


@dataclass(frozen=True)
class Abilities:
    """Capabilities of a saved model.

    Attributes:
        layers: why single layers cannot be chosen or changed; empty if they can.
        masked_head: why it cannot have a masked-LM head that finkd trains; empty if it can.
        labels: of its token-classification head, if it has one.
        has_mask: whether its tokenizer has a mask token.
    """

    layers: str
    masked_head: str
    labels: tuple[str, ...]
    has_mask: bool


def abilities(folder: Path) -> Abilities:
    """Find the capabilities of a saved model from its configuration and its tokenizer.

    Networks are made on the meta device, where tensors have shapes and take no memory.

    Raises:
        ConfigError: if it has no fast tokenizer, or ``transformers`` cannot make its network.
    """
    files = [folder / name for name in ("config.json", "tokenizer.json")]
    return _abilities(folder, tuple(file.stat().st_mtime_ns if file.is_file() else 0 for file in files))


@cache
def _abilities(folder: Path, changed: tuple[int, ...]) -> Abilities:
    entries = read_config(folder)
    config = configuration(folder, entries)
    check_described(folder, entries)
    tokenizer = Tokenizer.load(folder)
    try:
        network = _on_meta(AutoModel, config)
    except Exception as error:  # a configuration can be wrong in as many ways as there are networks
        raise ConfigError(
            f"{folder / 'config.json'}: not a model that transformers can make ({first_line(error)})"
        ) from error
    layers = masked_head = ""
    try:
        _ = Model(network, tokenizer).layer_holder
    except ConfigError as error:
        layers = str(error)
    try:
        check_masked_head(_on_meta(AutoModelForMaskedLM, config))
    except ConfigError as error:
        masked_head = str(error)
    except ValueError:
        masked_head = f"model: transformers has no masked-LM head for {config.model_type!r}"
    labels = getattr(config, "id2label", None) or {}
    names = tuple(str(labels[number]) for number in sorted(labels))
    return Abilities(layers, masked_head, names, "mask" in tokenizer.special_ids)


def _on_meta(kind: Any, config: Any) -> Any:
    with torch.device("meta"):
        return kind.from_config(config, trust_remote_code=False)
