"""Model folders in older formats: pickled weights, or a vocabulary without ``tokenizer.json``.

Such a folder is converted once into the cache. Pickles are read by PyTorch's restricted reader, which makes tensors and
nothing else.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finkd.corpora.errors import ConfigError, DataError
from finkd.corpora.files import atomic_folder, sha256
from finkd.corpora.locate import cache_folder
from finkd.corpora.readers.json_files import read_object
from finkd.models.lookup import CONFIG, TOKENIZER, WEIGHTS

PICKLED = "pytorch_model.bin"
_PICKLED_INDEX = f"{PICKLED}.index.json"
_VOCABULARIES = ("vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model", "spm.model")
_COPIED = ("*.json", "*.safetensors", "*.txt", "*.model")
_MAX_INDEX_BYTES = 32 * 2**20


def converted(folder: Path) -> Path:
    """Return a folder with ``model.safetensors`` and ``tokenizer.json``: this one, or a converted copy in the cache.

    Raises:
        DataError: if pickled weights are damaged or hold more than tensors.
        ConfigError: if ``transformers`` cannot read the vocabulary.
    """
    pickled = [] if any(folder.glob("*.safetensors")) else _pickled(folder)
    is_old_tokenizer = not (folder / TOKENIZER).is_file() and any((folder / name).is_file() for name in _VOCABULARIES)
    if not (pickled or is_old_tokenizer):
        return folder
    target = cache_folder() / "models" / f"converted-{_fingerprint(folder)}"
    if not (target / CONFIG).is_file():
        with atomic_folder(target) as new:
            for path in (path for pattern in _COPIED for path in folder.glob(pattern)):
                shutil.copyfile(path, new / path.name)
            if pickled:
                _convert_weights(pickled, new / WEIGHTS)
            if is_old_tokenizer:
                _convert_tokenizer(folder, new)
    return target


def _pickled(folder: Path) -> list[Path]:
    """Return the files of pickled weights: one, or the parts that an index names."""
    if (folder / PICKLED).is_file():
        return [folder / PICKLED]
    if not (folder / _PICKLED_INDEX).is_file():
        return []
    names = read_object(folder / _PICKLED_INDEX, _MAX_INDEX_BYTES).get("weight_map")
    parts = sorted({str(name) for name in names.values()}) if isinstance(names, dict) else []
    if not parts or any(Path(name).name != name or not (folder / name).is_file() for name in parts):
        raise ConfigError(f"{folder / _PICKLED_INDEX}: weight_map: expected names of files in this folder")
    return [folder / name for name in parts]


def _fingerprint(folder: Path) -> str:
    """Return a hash of all files that a conversion reads."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    content = json.dumps({path.name: sha256(path) for path in files})
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _convert_weights(pickled: list[Path], target: Path) -> None:
    import torch
    from safetensors.torch import save_file

    tensors: dict[str, torch.Tensor] = {}
    for path in pickled:
        try:
            found: Mapping[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            tensors |= {name: tensor.detach().clone().contiguous() for name, tensor in found.items()}
        except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, AttributeError, OSError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DataError(f"{path}: expected tensors and nothing else ({reason[:160]}); fetch it again") from error
    save_file(tensors, target, metadata={"format": "pt"})


def _convert_tokenizer(folder: Path, target: Path) -> None:
    from transformers import AutoTokenizer

    try:
        AutoTokenizer.from_pretrained(folder, trust_remote_code=False).save_pretrained(target)
    except Exception as error:  # the library raises whatever its converters raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"{folder}: no tokenizer.json, and its vocabulary cannot be read ({reason[:160]})") from error
