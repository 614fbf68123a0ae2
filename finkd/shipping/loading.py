"""Any saved tagger, by the folder that it lies in."""

from __future__ import annotations

from pathlib import Path

import torch

from corpora.errors import ConfigError
from finkd import models
from finkd.evaluation import Tagger
from finkd.precision import resolve_precision
from finkd.runtimes.pytorch import in_bf16, on_gpu
from finkd.shipping.onnx import GRAPH, load_onnx
from finkd.teachers import resolve


def load_tagger(source: str | Path, threads: int | None = None, precision: str = "fp32") -> Tagger:
    """Read a tagger of finkd, a local Hugging Face folder, an exported ONNX graph or a model by its name.

    Args:
        source: name or folder.
        threads: for ONNX Runtime; ``None`` takes as many as PyTorch does.
        precision: of PyTorch; ``"auto"`` is bf16 where the processor multiplies it itself.

    Raises:
        ConfigError: if it is a model without a head that tags entities.
        FinkdError: if it cannot be found or is damaged.
    """
    folder = Path(source)
    if (folder / GRAPH).is_file() and not any(folder.glob("*.safetensors")):
        return load_onnx(folder, threads)
    model = models.load(resolve(str(source)))
    if "O" not in model.labels:
        raise ConfigError(f"{source}: has no head that tags entities; fine-tune it first")
    if resolve_precision(precision) == "fp32":
        return model
    return on_gpu(model) if torch.cuda.is_available() else in_bf16(model)
