"""What stages can do with an architecture, found out without its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import torch
from transformers import AutoModel, AutoModelForMaskedLM, PreTrainedModel

from finkd.corpora.errors import ConfigError
from finkd.models.files import check_described, read_config
from finkd.models.heads import check_masked_head
from finkd.models.loading import configuration
from finkd.models.model import Model
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokenizer_file import first_line


@dataclass(frozen=True)
class Abilities:
    """What a saved model can be used for.

    Attributes:
        layers: why single layers cannot be chosen or changed; empty if they can.
        masked_head: why it cannot have a masked-LM head that finkd trains; empty if it can.
        labels: of its head, if that scores tokens.
        has_mask: whether its tokenizer has a token that hides words.
    """

    layers: str
    masked_head: str
    labels: tuple[str, ...]
    has_mask: bool


def abilities(folder: Path) -> Abilities:
    """What can be done with a saved model, by its configuration and its tokenizer.

    Networks are made on the meta device, where tensors have shapes and no memory.

    Raises:
        ConfigError: if it has no fast tokenizer, or ``transformers`` cannot make its network.
    """
    files = [folder / name for name in ("config.json", "tokenizer.json")]
    return _abilities(folder, tuple(file.stat().st_mtime_ns if file.is_file() else 0 for file in files))


@cache
def _abilities(folder: Path, changed: Sequence[int]) -> Abilities:
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
    labels = getattr(config, "id2label", None) or {}
    return Abilities(
        layers=_layers(network),
        masked_head=_masked_head(config),
        labels=tuple(str(labels[number]) for number in sorted(labels)),
        has_mask="mask" in tokenizer.special_ids,
    )


def _on_meta(kind: Any, config: Any) -> PreTrainedModel:
    with torch.device("meta"):
        return cast(PreTrainedModel, kind.from_config(config, trust_remote_code=False))


def _layers(network: PreTrainedModel) -> str:
    try:
        Model(network, cast(Tokenizer, None)).layer_holder  # noqa: B018
    except ConfigError as error:
        return str(error)
    return ""


def _masked_head(config: Any) -> str:
    try:
        check_masked_head(_on_meta(AutoModelForMaskedLM, config))
    except ConfigError as error:
        return str(error)
    except ValueError:
        return f"model: transformers has no masked-LM head for {config.model_type!r}"
    return ""
