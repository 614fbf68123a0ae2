"""``config.json`` of a model folder, checked before a network is built from it and without torch.

It decides how large the network is and which code makes it. A value out of range is refused by its key.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finkd.corpora.errors import ConfigError
from finkd.corpora.readers.json_files import read_object, shown
from finkd.models.layer_overrides import family
from finkd.models.lookup import CONFIG

MIN_LENGTH = 4
"""Fewest tokens that a tagger must read: two special ones, and two of text."""
MAX_CONFIG_BYTES = 8 * 2**20
MAX_LABELS = 2**16

_LAYERS = ("num_hidden_layers", "n_layers", "num_layers", "n_layer", "encoder_layers", "decoder_layers")
_HEADS = ("num_attention_heads", "n_heads", "n_head", "num_heads", "encoder_attention_heads", "decoder_attention_heads")
_WIDTHS = ("hidden_size", "dim", "d_model", "n_embd", "embedding_size")
_INNER = ("intermediate_size", "hidden_dim", "d_ff", "ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim")
_POSITIONS = ("max_position_embeddings", "n_positions", "n_ctx")
_RANGES: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(_LAYERS, (1, 256)),
    **dict.fromkeys(_HEADS, (1, 1024)),
    **dict.fromkeys(_WIDTHS, (1, 2**16)),
    **dict.fromkeys(_INNER, (1, 2**20)),
    **dict.fromkeys(_POSITIONS, (MIN_LENGTH, 2**24)),
    "vocab_size": (1, 2**22),
    "type_vocab_size": (0, 1024),
    "num_hidden_groups": (1, 256),
    "inner_group_num": (1, 256),
    "num_labels": (1, MAX_LABELS),
    "chunk_size_feed_forward": (0, 0),  # other sizes fail at some lengths of text
}
"""Smallest and largest value of each entry that decides the size of a network."""

PADDING_FIRST: Mapping[str, int | None] = {
    **dict.fromkeys(("camembert", "data2vec-text", "esm", "ibert", "longformer", "luke", "markuplm")),
    **dict.fromkeys(("roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod")),
    **dict.fromkeys(("layoutlmv3", "lilt")),
    "mpnet": 1,
}
"""Families whose positions start at the padding id + 1 -> their own padding id, if they ignore ``pad_token_id``.

All of ``transformers`` that number positions so (``create_position_ids_from_input_ids``); a contract test says so."""

_PRECISIONS = ("float32", "float16", "bfloat16", "float64")
_ATTENTIONS = ("eager", "sdpa")  # any other name may be that of code on the hub
_REFUSED: Mapping[str, str] = {
    "configuration_files": "names other configurations",
    "transformers_weights": "names another weight file",
    "per_layer_config": "gives layers shapes of their own",
    "distributed_config": "asks for several processes",
    "fusion_config": "asks for other code",
}
"""Keys for which ``transformers`` reads files or runs code that is not checked here."""


def read_config(folder: Path) -> dict[str, Any]:
    """Read the configuration of a model folder.

    Raises:
        ConfigError: if it is not a JSON object, a value is out of range, or it needs code or files that finkd does not
            read.
    """
    path = folder / CONFIG
    entries = read_object(path, MAX_CONFIG_BYTES)
    _check_kind(entries, path)
    _check_code(entries, path)
    _check_sizes(entries, path)
    _check_outputs(entries, path)
    return entries


def wrong_entry(path: Path, key: str, found: Any, expected: str) -> ConfigError:
    """Return the error of a value that was not expected."""
    return ConfigError(f"{path}: {key}: found {shown(found)}; expected {expected}")


def _check_kind(entries: Mapping[str, Any], path: Path) -> None:
    if not isinstance(entries.get("model_type"), str):
        raise wrong_entry(path, "model_type", entries.get("model_type"), "one such as bert")
    architectures = entries.get("architectures")
    is_list = isinstance(architectures, list) and all(isinstance(each, str) for each in architectures)
    if architectures is not None and not is_list:
        raise wrong_entry(path, "architectures", architectures, "a list of names")
    for key in ("dtype", "torch_dtype"):
        found = entries.get(key)
        if found is not None and (not isinstance(found, str) or found not in _PRECISIONS):
            raise wrong_entry(path, key, found, f"one of {', '.join(_PRECISIONS)}")
    if entries.get("return_dict", True) is not True:
        raise wrong_entry(path, "return_dict", entries["return_dict"], "true")


def _check_code(entries: Mapping[str, Any], path: Path) -> None:
    """Refuse code and files other than those of the model's type."""
    for key in ("quantization_config", "compression_config"):
        if entries.get(key) is not None:
            method = entries[key].get("quant_method") if isinstance(entries[key], dict) else entries[key]
            remedy = "give the model that this one was made of ('finkd compress' and 'finkd export' quantize)"
            raise wrong_entry(path, key, method, f"weights that are not quantized: {remedy}")
    for key, why in _REFUSED.items():
        if entries.get(key) is not None:
            raise ConfigError(f"{path}: {key}: {why}, which finkd does not read; remove it")
    for key in ("attn_implementation", "_attn_implementation"):
        if entries.get(key) not in (None, *_ATTENTIONS):
            raise wrong_entry(path, key, entries[key], f"one of {', '.join(_ATTENTIONS)}; remove it")


def _check_sizes(entries: Mapping[str, Any], path: Path) -> None:
    for key, (least, most) in _RANGES.items():
        found = entries.get(key)
        if found is not None and (type(found) is not int or not least <= found <= most):
            expected = f"a whole number from {least} to {most}" if least < most else str(least)
            raise wrong_entry(path, key, found, expected)
    for width, heads in (("hidden_size", "num_attention_heads"), ("dim", "n_heads")):
        sizes = entries.get(width), entries.get(heads)
        if all(sizes) and "head_dim" not in entries and sizes[0] % sizes[1]:  # type: ignore[operator]
            raise wrong_entry(path, width, sizes[0], f"a multiple of {heads}, which is {sizes[1]}")
    for key, found in entries.items():
        if "eps" in key.split("_") and not (type(found) in (int, float) and 0 < found <= 1):
            raise wrong_entry(path, key, found, "a number above 0 and up to 1")
    pad, size = entries.get("pad_token_id"), entries.get("vocab_size")
    if pad is not None and (type(pad) is not int or pad < 0 or (size is not None and pad >= size)):
        last = f" to {size - 1}" if size is not None else " on"
        raise wrong_entry(path, "pad_token_id", pad, f"a whole number from 0{last}")
    if positions(entries) < MIN_LENGTH:
        unused = first_position(entries["model_type"], pad)
        why = f"since the first {unused} are not used (positions follow the padding id)"
        given = entries.get("max_position_embeddings")
        raise wrong_entry(path, "max_position_embeddings", given, f"at least {unused + MIN_LENGTH}, {why}")


def positions(entries: Mapping[str, Any]) -> int:
    """Return the number of tokens that the position embeddings have room for."""
    return _first(entries, _POSITIONS, 512) - first_position(entries["model_type"], entries.get("pad_token_id", 1))


def first_position(model_type: str, pad: int | None) -> int:
    """Return the number of a text's first position, which is how many position embeddings no token uses.

    Args:
        model_type: as in ``config.json``.
        pad: ``pad_token_id``; ``None`` means 1, as in RoBERTa.
    """
    kind = family(model_type)
    if kind not in PADDING_FIRST:
        return 0
    own = PADDING_FIRST[kind]
    padding = own if own is not None else pad
    return (1 if padding is None else padding) + 1


def _check_outputs(entries: Mapping[str, Any], path: Path) -> None:
    """Check that ``id2label`` names outputs 0 to n - 1, each once."""
    names, count = entries.get("id2label"), entries.get("num_labels")
    if not isinstance(entries.get("label2id", {}), dict | None):
        raise wrong_entry(path, "label2id", entries["label2id"], "a JSON object")
    if names is None:
        return
    if not isinstance(names, dict) or not 0 < len(names) <= MAX_LABELS:
        raise wrong_entry(path, "id2label", names, f'up to {MAX_LABELS} names such as {{"0": "O"}}')
    for number in range(len(names)):
        name = names.get(str(number))
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise wrong_entry(path, f"id2label: {number}", name, f"the name of output {number}")
    if count not in (None, len(names)):
        raise wrong_entry(path, "num_labels", count, f"{len(names)}, as id2label has")


def layer_count(entries: Mapping[str, Any]) -> int:
    """Return the number of layers that a configuration describes."""
    return _first(entries, _LAYERS, 1)


def weights_described(entries: Mapping[str, Any]) -> int:
    """Return about the number of weights of the embeddings and the layers' matrices that a configuration describes."""
    width = _first(entries, _WIDTHS[:4], 1)
    inner, embedding_width = _first(entries, _INNER, width), _first(entries, ("embedding_size",), width)
    has_positions = not {"rope_theta", "rope_parameters", "rope_scaling"} & entries.keys()
    rows = _first(entries, ("vocab_size",), 1) + (_first(entries, _POSITIONS, 1) if has_positions else 0)
    return rows * embedding_width + layer_count(entries) * (4 * width**2 + 2 * width * inner)


def _first(entries: Mapping[str, Any], keys: tuple[str, ...], default: int) -> int:
    """Return the value of the first key that is set."""
    return int(next((entries[key] for key in keys if entries.get(key) is not None), default))
