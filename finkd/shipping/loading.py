"""Any saved tagger, by the folder that it lies in."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch

from corpora.errors import ConfigError
from finkd import models
from finkd.checks import check_head
from finkd.evaluation import Tagger
from finkd.precision import resolve_precision
from finkd.runtimes.pytorch import in_bf16, on_gpu
from finkd.shipping.onnx import GRAPH, load_onnx
from finkd.teachers import resolve

FACTORY = "finkd_tagger"
"""The component of a spaCy pipeline, and the folder in it that holds its tagger."""


def load_tagger(source: str | Path, threads: int | None = None, precision: str = "fp32") -> Tagger:
    """Read a tagger of finkd, a local Hugging Face folder, an exported ONNX graph or a model by its name.

    Args:
        source: name or folder; of a spaCy package that finkd made, or a pipeline in it, too.
        threads: for ONNX Runtime; ``None`` takes as many as PyTorch does.
        precision: of PyTorch; ``"auto"`` is bf16 where the processor multiplies it itself.

    Raises:
        ConfigError: if it is a model without a head that tags entities, or a folder holds several packages.
        FinkdError: if it cannot be found or is damaged.
    """
    folder = tagger_folder(source)
    if (folder / GRAPH).is_file() and not any(folder.glob("*.safetensors")):
        return load_onnx(folder, threads)
    model = models.load(resolve(str(folder)))
    check_head(model.labels, source)
    if resolve_precision(precision) == "fp32":
        return model
    return on_gpu(model) if torch.cuda.is_available() else in_bf16(model)


def tagger_folder(source: str | Path) -> Path:
    """Where a tagger's own files lie: within a spaCy pipeline or package that finkd made, or else the source itself.

    Args:
        source: a folder, or the name of an installed package.

    Raises:
        ConfigError: if several taggers lie there.
    """
    given = Path(source).expanduser()
    folder = given if given.exists() else _installed(str(source))
    if folder is None or (folder / "config.json").is_file():
        return Path(source)
    # The pipeline itself, an installed package (NAME/NAME-VERSION), or what pip is given (FOLDER/NAME/NAME-VERSION).
    found = [
        each.parent
        for depth in ("", "*/", "*/*/")
        for each in folder.glob(f"{depth}{FACTORY}/config.json")
        if (each.parents[1] / "config.cfg").is_file()
    ]
    if len(found) > 1:
        raise ConfigError(f"{source}: holds several taggers ({', '.join(map(str, found))}); name one of them")
    return found[0] if found else Path(source)


def _installed(name: str) -> Path | None:
    """The folder of an installed package, which is not imported."""
    spec = importlib.util.find_spec(name) if name.isidentifier() and name.startswith("en_") else None
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None
