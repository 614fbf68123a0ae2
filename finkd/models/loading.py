"""Load and check models from a folder, the Hugging Face cache, a package or the hub, with or without weights."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedModel,
)
from transformers.activations import ACT2FN
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from finkd.corpora.errors import ConfigError, DataError
from finkd.corpora.readers.json_files import shown
from finkd.models import pretrained
from finkd.models.architectures import family, no_pooler, register
from finkd.models.checks import check_labels, check_tokenizer
from finkd.models.files import check_described, held, layers_of, read_config, weight_files
from finkd.models.heads import check_masked_head
from finkd.models.lookup import CONFIG, check_weights
from finkd.models.model import Model
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokenizer_file import first_line

_log = logging.getLogger(__name__)
_MACHINERY = ("attribute_map", "sub_configs", "sub_configs_defaults")
"""Attributes of a configuration's class, which an entry of the same name would replace."""

_TAGGER, _MASKED_LM = "ForTokenClassification", "ForMaskedLM"
_HEADS = {
    _TAGGER: AutoModelForTokenClassification,
    _MASKED_LM: AutoModelForMaskedLM,
    "ForSequenceClassification": AutoModelForSequenceClassification,
    "ForQuestionAnswering": AutoModelForQuestionAnswering,
}


def load_model(source: str | Path, *, for_texts: bool = False) -> Model:
    """Load a model that finkd saved, a local Hugging Face folder or a teacher by name.

    Args:
        source: its name or folder.
        for_texts: keep a head for whole texts or answer spans; otherwise only the encoder of such a model is loaded.

    Raises:
        UnavailableError: if it cannot be found.
        ConfigError: if it has no fast tokenizer with a padding token, or its labels are not IOB2.
        DataError: if its weights are damaged or incomplete.

    Example:
        >>> import finkd
        >>> model = finkd.load_model("encoder")
        >>> model.labels, len(model.layers)
        ((), 2)
    """
    folder = pretrained.resolve(str(source))
    check_weights(folder)
    entries = read_config(folder)
    kind = _head(folder, entries)
    if kind is None and _named_head(entries):
        _log.warning("%s: %s names a head that the weights lack; its encoder is read", folder, CONFIG)
    kind = kind if for_texts or kind in (_TAGGER, _MASKED_LM) else None
    config = configuration(folder, entries)
    tokenizer = Tokenizer.load(folder)
    check_tokenizer(tokenizer, config.vocab_size, folder)
    labels = () if kind in (None, _MASKED_LM) else tuple(config.id2label[i] for i in range(config.num_labels))
    if kind == _TAGGER:
        check_labels(labels, folder)
    check_described(folder, entries)
    return Model(_network(folder, config, kind), tokenizer, labels)


def configuration(folder: Path, entries: Mapping[str, Any]) -> Any:
    """Load a model folder's configuration, read by ``read_config`` before, with ``transformers``.

    Raises:
        ConfigError: if ``transformers`` has no such model, or a value is not of its kind.
    """
    register()
    path, kind = folder / CONFIG, entries["model_type"]
    if kind not in CONFIG_MAPPING:
        raise ConfigError(
            f"{path}: model_type: found {shown(kind)}, which transformers has not; expected one such as bert "
            "(code in a model's folder is never run)"
        )
    for key in entries:
        if key in _MACHINERY or callable(getattr(CONFIG_MAPPING[kind], key, None)):
            raise ConfigError(f"{path}: {shown(key)}: is no setting of a {kind} model; remove it")
    for key in ("hidden_act", "activation", "activation_function", "hidden_activation"):
        if key in entries and (not isinstance(entries[key], str) or entries[key] not in ACT2FN):
            raise ConfigError(f"{path}: {key}: found {shown(entries[key])}; expected an activation such as gelu")
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # its type checks raise errors without a common base
        raise ConfigError(f"{path}: not a {kind} model that transformers reads ({first_line(error)})") from error


def _network(folder: Path, config: Any, kind: str | None) -> PreTrainedModel:
    """Load weights from safetensors; refuse missing ones, which ``transformers`` would draw at random."""
    options = {} if kind else no_pooler(family(config))
    try:
        network, report = _HEADS.get(kind or "", AutoModel).from_pretrained(
            folder,
            config=config,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            **options,
        )
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"{folder}: model.safetensors cannot be read ({first_line(error)}); fetch or train it again"
        ) from error
    except Exception as error:  # a configuration can be wrong in as many ways as there are networks
        raise DataError(
            f"{folder}: config.json does not fit model.safetensors ({first_line(error)}); fetch or train it again"
        ) from error
    if report["missing_keys"]:
        lacking = ", ".join(sorted(report["missing_keys"])[:3])
        raise DataError(f"{folder}: model.safetensors lacks {lacking}; fetch or train it again")
    more = layers_of(list(report["unexpected_keys"]))
    if more:
        raise DataError(
            f"{folder}: model.safetensors holds {more} layers, config.json describes fewer; fetch or train it again"
        )
    network = network.float().eval()
    check_finite(network, folder)
    return cast(PreTrainedModel, network)


def check_finite(network: nn.Module, folder: Path) -> None:
    """Raise ``DataError``, with the tensor's name, if a weight read from a folder is infinite or not a number."""
    for name, weight in network.named_parameters():
        # A sum is several times faster, but can overflow although all weights are finite.
        if not weight.sum().isfinite() and not weight.isfinite().all():
            wrong = int((~weight.isfinite()).sum())
            raise DataError(
                f"{folder}: model.safetensors: {name}: {wrong:,} of {weight.numel():,} weights are infinite or not a "
                "number; fetch or train it again"
            )


def read_head(source: str | Path) -> Literal["labels", "words", "none"]:
    """Return what a model, named as for ``load_model``, scores, without reading its weights."""
    folder = pretrained.resolve(str(source))
    kind = _head(folder, read_config(folder))
    return "labels" if kind == _TAGGER else "words" if kind == _MASKED_LM else "none"


def _head(folder: Path, entries: Mapping[str, Any]) -> str | None:
    """Return the kind of a model's head; ``None`` if it has none, whatever its configuration says."""
    return None if _is_bare(folder) else _named_head(entries)


def _named_head(entries: Mapping[str, Any]) -> str | None:
    """Return the kind of head in the name of the model's class."""
    architectures = entries.get("architectures") or [""]
    return next((kind for kind in _HEADS if architectures[0].endswith(kind)), None)


def _is_bare(folder: Path) -> bool:
    """Return whether the weights are those of an encoder alone, as published models with a head in their name may be.

    Beside a head, the names of an encoder's weights begin with the name of its family.
    """
    return any(name.startswith("embeddings.") for path in weight_files(folder) for name in held(path))


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
