"""Checks of a model folder before a network is built from it.

``config.json`` decides how large the network is and which code makes it; the headers of the weight files list its
tensors. Both are small and read here without torch. A value out of range is refused by its key.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finkd.corpora.errors import ConfigError, DataError
from finkd.corpora.readers.json_files import read_object, shown
from finkd.corpora.tags import OUTSIDE
from finkd.corpora.wording import counted
from finkd.models.lookup import CONFIG, WEIGHTS
from finkd.tokenization.casing import CASES
from finkd.tokenization.tokenizer import Tokenizer

MIN_LENGTH = 4
"""Fewest tokens that a tagger must read: two special ones, and two of text."""
MAX_CONFIG_BYTES = 8 * 2**20
MAX_HEADER_BYTES = 32 * 2**20
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

_FLOATS = ("F64", "F32", "F16", "BF16")
_NO_WEIGHTS = ("position_ids", "token_type_ids", "num_batches_tracked")
_LAYER = re.compile(r"(?:^|\.)layers?\.(\d+)\.")


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


def _wrong(path: Path, key: str, found: Any, expected: str) -> ConfigError:
    return ConfigError(f"{path}: {key}: found {shown(found)}; expected {expected}")


def _check_kind(entries: Mapping[str, Any], path: Path) -> None:
    if not isinstance(entries.get("model_type"), str):
        raise _wrong(path, "model_type", entries.get("model_type"), "one such as bert")
    architectures = entries.get("architectures")
    is_list = isinstance(architectures, list) and all(isinstance(each, str) for each in architectures)
    if architectures is not None and not is_list:
        raise _wrong(path, "architectures", architectures, "a list of names")
    for key in ("dtype", "torch_dtype"):
        found = entries.get(key)
        if found is not None and (not isinstance(found, str) or found not in _PRECISIONS):
            raise _wrong(path, key, found, f"one of {', '.join(_PRECISIONS)}")
    if entries.get("return_dict", True) is not True:
        raise _wrong(path, "return_dict", entries["return_dict"], "true")


def _check_code(entries: Mapping[str, Any], path: Path) -> None:
    """Refuse code and files other than those of the model's type."""
    for key in ("quantization_config", "compression_config"):
        if entries.get(key) is not None:
            method = entries[key].get("quant_method") if isinstance(entries[key], dict) else entries[key]
            remedy = "give the model that this one was made of ('finkd compress' and 'finkd export' quantize)"
            raise _wrong(path, key, method, f"weights that are not quantized: {remedy}")
    for key, why in _REFUSED.items():
        if entries.get(key) is not None:
            raise ConfigError(f"{path}: {key}: {why}, which finkd does not read; remove it")
    for key in ("attn_implementation", "_attn_implementation"):
        if entries.get(key) not in (None, *_ATTENTIONS):
            raise _wrong(path, key, entries[key], f"one of {', '.join(_ATTENTIONS)}; remove it")


def _check_sizes(entries: Mapping[str, Any], path: Path) -> None:
    for key, (least, most) in _RANGES.items():
        found = entries.get(key)
        if found is not None and (type(found) is not int or not least <= found <= most):
            expected = f"a whole number from {least} to {most}" if least < most else str(least)
            raise _wrong(path, key, found, expected)
    for width, heads in (("hidden_size", "num_attention_heads"), ("dim", "n_heads")):
        sizes = entries.get(width), entries.get(heads)
        if all(sizes) and "head_dim" not in entries and sizes[0] % sizes[1]:  # type: ignore[operator]
            raise _wrong(path, width, sizes[0], f"a multiple of {heads}, which is {sizes[1]}")
    for key, found in entries.items():
        if "eps" in key.split("_") and not (type(found) in (int, float) and 0 < found <= 1):
            raise _wrong(path, key, found, "a number above 0 and up to 1")
    pad, size = entries.get("pad_token_id"), entries.get("vocab_size")
    if pad is not None and (type(pad) is not int or pad < 0 or (size is not None and pad >= size)):
        last = f" to {size - 1}" if size is not None else " on"
        raise _wrong(path, "pad_token_id", pad, f"a whole number from 0{last}")
    if positions(entries) < MIN_LENGTH:
        unused = first_position(entries["model_type"], pad)
        why = f"since the first {unused} are not used (positions follow the padding id)"
        given = entries.get("max_position_embeddings")
        raise _wrong(path, "max_position_embeddings", given, f"at least {unused + MIN_LENGTH}, {why}")


def positions(entries: Mapping[str, Any]) -> int:
    """Return the number of tokens that the position embeddings have room for."""
    return _first(entries, _POSITIONS, 512) - first_position(entries["model_type"], entries.get("pad_token_id", 1))


def first_position(model_type: str, pad: int | None) -> int:
    """Return the number of a text's first position, which is how many position embeddings no token uses.

    Args:
        model_type: as in ``config.json``.
        pad: ``pad_token_id``; ``None`` means 1, as in RoBERTa.
    """
    family = model_type.removeprefix("finkd-")
    if family not in PADDING_FIRST:
        return 0
    own = PADDING_FIRST[family]
    padding = own if own is not None else pad
    return (1 if padding is None else padding) + 1


def _check_outputs(entries: Mapping[str, Any], path: Path) -> None:
    """Check that ``id2label`` names outputs 0 to n - 1, each once."""
    names, count = entries.get("id2label"), entries.get("num_labels")
    if not isinstance(entries.get("label2id", {}), dict | None):
        raise _wrong(path, "label2id", entries["label2id"], "a JSON object")
    if names is None:
        return
    if not isinstance(names, dict) or not 0 < len(names) <= MAX_LABELS:
        raise _wrong(path, "id2label", names, f'up to {MAX_LABELS} names such as {{"0": "O"}}')
    for number in range(len(names)):
        name = names.get(str(number))
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise _wrong(path, f"id2label: {number}", name, f"the name of output {number}")
    if count not in (None, len(names)):
        raise _wrong(path, "num_labels", count, f"{len(names)}, as id2label has")


@dataclass(frozen=True)
class Held:
    """A tensor in a weight file.

    Attributes:
        dtype: as safetensors calls it, such as ``"F32"``.
        shape: size of each dimension.
    """

    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


def weight_files(folder: Path) -> list[Path]:
    """Return the files that hold a model's weights: ``model.safetensors``, or the parts of its index.

    Raises:
        ConfigError: if the index is not one, or names files elsewhere.
    """
    return files_or_parts(folder, WEIGHTS)


def files_or_parts(folder: Path, name: str) -> list[Path]:
    """Return a folder's file of weights, or the parts that its index names; none if it has neither.

    Args:
        folder: of the model.
        name: of the file, such as ``model.safetensors``; its index has the same name and ``.index.json``.

    Raises:
        ConfigError: if the index is not one, or names files elsewhere or of another kind.
    """
    whole, index = folder / name, folder / f"{name}.index.json"
    if whole.is_file() or not index.is_file():
        return [whole] if whole.is_file() else []
    parts = read_object(index, MAX_HEADER_BYTES).get("weight_map")
    found = sorted({*parts.values()}, key=str) if isinstance(parts, dict) and parts else [None]
    for part in found:
        if not isinstance(part, str) or Path(part).name != part or not part.endswith(whole.suffix):
            raise _wrong(index, "weight_map", part, "names of files in this folder")
    return [folder / str(part) for part in found]


def held(path: Path) -> dict[str, Held]:
    """Read the tensors of a safetensors file by name, from its header alone.

    Raises:
        DataError: if the header is damaged.
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            room = min(MAX_HEADER_BYTES, path.stat().st_size - 8)
            if not 0 < length <= room:
                raise ValueError(f"its head would have {length:,} bytes, of at most {max(0, room):,}")
            head = json.loads(file.read(length))
        return {
            name: Held(str(each["dtype"]), tuple(int(size) for size in each["shape"]))
            for name, each in head.items()
            if name != "__metadata__"
        }
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise DataError(f"{path}: not a readable safetensors file ({error}); fetch or train it again") from error


def check_described(folder: Path, entries: Mapping[str, Any]) -> None:
    """Check that the weight files hold about as much as the configuration, read by ``read_config``, describes.

    Raises:
        ConfigError: if the configuration describes far more than the files hold, or the folder holds adapters.
        DataError: if a weight file is damaged, or holds tensors that are not floats.
    """
    if (folder / "adapter_config.json").exists():
        raise ConfigError(
            f"{folder / 'adapter_config.json'}: the folder holds adapters; merge them into the model and save it whole"
        )
    total = 0
    for path in weight_files(folder):
        for name, tensor in held(path).items():
            if tensor.dtype not in _FLOATS and not name.endswith(_NO_WEIGHTS):
                raise DataError(f"{path}: {name}: found {tensor.dtype}; expected one of {', '.join(_FLOATS)}")
            total += tensor.size
    # About the number of weights of the embeddings and the layers' matrices.
    layers, width = _first(entries, _LAYERS, 1), _first(entries, _WIDTHS[:4], 1)
    inner, embedding_width = _first(entries, _INNER, width), _first(entries, ("embedding_size",), width)
    has_positions = not {"rope_theta", "rope_parameters", "rope_scaling"} & entries.keys()
    rows = _first(entries, ("vocab_size",), 1) + (_first(entries, _POSITIONS, 1) if has_positions else 0)
    described = rows * embedding_width + layers * (4 * width**2 + 2 * width * inner)
    is_compressed = bool(entries.get("slim")) or "num_hidden_groups" in entries
    if described > total * (100 if is_compressed else 4) + 1_000_000:
        raise ConfigError(
            f"{folder / CONFIG}: describes {described:,} weights ({layers} layers); the weight files hold {total:,}; "
            "fetch or train it again"
        )


def _first(entries: Mapping[str, Any], keys: tuple[str, ...], default: int) -> int:
    """Return the value of the first key that is set."""
    return int(next((entries[key] for key in keys if entries.get(key) is not None), default))


def layers_of(names: list[str]) -> int:
    """Count the layers that the names of some weights belong to: the highest number, plus one."""
    return max((int(found[1]) + 1 for found in map(_LAYER.search, names) if found), default=0)


def check_head(labels: Sequence[str], name: str | Path) -> None:
    """Raise ``ConfigError`` unless a model has a head that tags entities."""
    if OUTSIDE not in labels:
        raise ConfigError(f"{name}: has no head that tags entities; fine-tune it first")


def check_tokenizer(tokenizer: Tokenizer, embeddings: int, token_types: int, folder: Path) -> None:
    """Check that a model has an embedding for everything that its tokenizer gives it.

    Args:
        tokenizer: of the model.
        embeddings: number of its token embeddings.
        token_types: number of its embeddings of token types.
        folder: of both, for messages.

    Raises:
        ConfigError: if it has not, or the tokenizer has no padding token.
    """
    if "pad" not in tokenizer.special_ids:
        raise ConfigError(f"{folder}: its tokenizer has no padding token; set pad_token in tokenizer_config.json")
    if len(tokenizer) > embeddings:
        raise ConfigError(
            f"{folder}: tokenizer has {counted(len(tokenizer), 'token')}, the model only "
            f"{counted(embeddings, 'embedding')}"
        )
    if tokenizer.gives_case and token_types < len(CASES):
        raise ConfigError(
            f"{folder}: tokenizer gives the case of words, {len(CASES)} token types; the model has only {token_types}"
        )


def check_labels(labels: Sequence[str], folder: Path) -> None:
    """Raise ``ConfigError`` unless labels are IOB2 labels, each given once."""
    wrong = [label for label in labels if label != OUTSIDE and (label[:2] not in ("B-", "I-") or len(label) == 2)]
    if wrong or OUTSIDE not in labels:
        raise ConfigError(f"{folder / CONFIG}: id2label: expected IOB2 labels (got {', '.join(labels)[:200]})")
    if len(set(labels)) < len(labels):
        twice = Counter(labels).most_common(1)[0][0]
        raise ConfigError(f"{folder / CONFIG}: id2label: found {twice} twice; expected each label once")
