"""Weight files of a model folder: which they are, and which tensors their headers list, read without torch."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finkd.corpora.errors import ConfigError, DataError
from finkd.corpora.readers.json_files import read_object
from finkd.models.config_file import layer_count, weights_described, wrong_entry
from finkd.models.lookup import CONFIG, WEIGHTS

MAX_HEADER_BYTES = 32 * 2**20
_FLOATS = ("F64", "F32", "F16", "BF16")
_NO_WEIGHTS = ("position_ids", "token_type_ids", "num_batches_tracked")
_LAYER = re.compile(r"(?:^|\.)layers?\.(\d+)\.")


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
            raise wrong_entry(index, "weight_map", part, "names of files in this folder")
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
    described = weights_described(entries)
    is_compressed = bool(entries.get("slim")) or "num_hidden_groups" in entries
    if described > total * (100 if is_compressed else 4) + 1_000_000:
        raise ConfigError(
            f"{folder / CONFIG}: describes {described:,} weights ({layer_count(entries)} layers); the weight files "
            f"hold {total:,}; fetch or train it again"
        )


def layers_of(names: list[str]) -> int:
    """Count the layers that the names of some weights belong to: the highest number, plus one."""
    return max((int(found[1]) + 1 for found in map(_LAYER.search, names) if found), default=0)
