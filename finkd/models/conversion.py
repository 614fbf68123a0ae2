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

from finkd.corpora.errors import ConfigError, DataError, first_line
from finkd.corpora.files import atomic_folder, sha256
from finkd.corpora.locate import cache_folder
from finkd.models.lookup import CONFIG, TOKENIZER, WEIGHTS
from finkd.models.weight_files import files_or_parts

PICKLED = "pytorch_model.bin"
_VOCABULARIES = ("vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model", "spm.model")
_COPIED = ("*.json", "*.safetensors", "*.txt", "*.model")
_SHOWN = 160


def converted(folder: Path) -> Path:
    """Return a folder with ``model.safetensors`` and ``tokenizer.json``: this one, or a converted copy in the cache.

    Raises:
        DataError: if pickled weights are damaged or hold more than tensors.
        ConfigError: if ``transformers`` cannot read the vocabulary.
    """
    pickled = [] if any(folder.glob("*.safetensors")) else files_or_parts(folder, PICKLED)
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
            reason = first_line(error)[:_SHOWN]
            raise DataError(f"{path}: expected tensors and nothing else ({reason}); fetch it again") from error
    save_file(tensors, target, metadata={"format": "pt"})


def _convert_tokenizer(folder: Path, target: Path) -> None:
    from transformers import AutoTokenizer

    try:
        AutoTokenizer.from_pretrained(folder, trust_remote_code=False).save_pretrained(target)
    except Exception as error:  # the library raises whatever its converters raise
        reason = first_line(error)[:_SHOWN]
        raise ConfigError(f"{folder}: no tokenizer.json, and its vocabulary cannot be read ({reason})") from error
