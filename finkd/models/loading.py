"""Load and check models from a folder, the Hugging Face cache, a package or the hub, with or without weights."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError
from torch import nn
from transformers import AutoConfig, PreTrainedModel
from transformers.activations import ACT2FN
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from finkd.corpora.errors import ConfigError, DataError, first_line
from finkd.corpora.readers.json_files import shown
from finkd.models import pretrained
from finkd.models.architectures import HEADS, MASKED_LM, TAGGER, no_pooler, register
from finkd.models.config_file import read_config
from finkd.models.layer_overrides import family
from finkd.models.lookup import CONFIG, check_weights
from finkd.models.model import Model
from finkd.models.tagger_checks import check_labels, check_tokenizer
from finkd.models.weight_files import check_described, held, layers_of, weight_files
from finkd.tokenization.tokenizer import Tokenizer

log = logging.getLogger(__name__)

_MACHINERY = ("attribute_map", "sub_configs", "sub_configs_defaults")
"""Attributes of a configuration's class, which an entry of the same name would replace."""


def load_model(source: str | Path, *, for_texts: bool = False, any_labels: bool = False) -> Model:
    """Load a model that finkd saved, a local Hugging Face folder or a teacher by name.

    Args:
        source: its name or folder.
        for_texts: keep a head for whole texts or answer spans; otherwise only the encoder of such a model is loaded.
        any_labels: take a tagger whatever its labels; otherwise they must be IOB2.

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
    kind = head_class(folder, entries)
    if kind == "Model" and _named_head(entries) != kind:
        log.warning("%s: %s names a head that the weights lack; its encoder is read", folder, CONFIG)
    kind = kind if for_texts or kind in (TAGGER, MASKED_LM) else "Model"
    config = configuration(folder, entries)
    tokenizer = Tokenizer.load(folder)
    check_tokenizer(tokenizer, config.vocab_size, getattr(config, "type_vocab_size", 0), folder)
    labels = () if kind in ("Model", MASKED_LM) else tuple(config.id2label[i] for i in range(config.num_labels))
    if kind == TAGGER and not any_labels:
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


def _network(folder: Path, config: Any, kind: str) -> PreTrainedModel:
    """Load weights from safetensors; refuse missing ones, which ``transformers`` would draw at random."""
    options = no_pooler(family(config.model_type)) if kind == "Model" else {}
    try:
        network, report = HEADS[kind].from_pretrained(
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
    missing = set(report["missing_keys"])
    if kind == "Model" and any(name.startswith("pooler.") for name in missing):
        network.pooler = None  # heads such as MPNet's leave it out, and no tagger needs it
        missing = {name for name in missing if not name.startswith("pooler.")}
    if missing:
        lacking = ", ".join(sorted(missing)[:3])
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


def head_class(folder: Path, entries: Mapping[str, Any]) -> str:
    """Return the head of a saved model, by its name in ``HEADS``: ``"Model"`` if the weights hold none.

    Published encoders may name a head in their configuration. Beside a head, the names of an encoder's weights begin
    with the name of its family.
    """
    names = (name for path in weight_files(folder) for name in held(path))
    return "Model" if any(name.startswith("embeddings.") for name in names) else _named_head(entries)


def _named_head(entries: Mapping[str, Any]) -> str:
    architectures = entries.get("architectures") or [""]
    return next((kind for kind in HEADS if architectures[0].endswith(kind)), "Model")
