"""Loading of a tagger in any format."""

from __future__ import annotations

from pathlib import Path

from finkd.inference.tagger import Tagger
from finkd.models.lookup import is_graph, tagger_folder
from finkd.models.pretrained import resolve


def load_tagger(source: str | Path, threads: int | None = None, precision: str = "fp32") -> Tagger:
    """Load a tagger of finkd, a local Hugging Face folder, an exported ONNX graph or a model by its name.

    Args:
        source: name or folder, also of a spaCy package that finkd made or of a pipeline in it.
        threads: for ONNX Runtime; ``None`` takes as many as PyTorch if it is imported, or as this process may use.
        precision: for PyTorch; ``"auto"`` is bf16 where the processor computes it natively.

    Raises:
        ConfigError: if it is a model without a head that tags entities, or a folder holds several packages.
        FinkdError: if it cannot be found or is damaged.

    Example:
        >>> import finkd
        >>> finkd.load_tagger("tagger").labels[0]
        'O'
    """
    folder = find_tagger(source)

    if is_graph(folder):
        from finkd.export.onnx_tagger import load_onnx

        return load_onnx(folder, threads)

    from finkd.inference.prediction import on_fastest_device
    from finkd.inference.pytorch import in_bf16, on_gpu
    from finkd.machine.device import has_gpu
    from finkd.machine.precision import resolve_precision
    from finkd.models.loading import load_model
    from finkd.models.tagger_checks import check_head

    model = load_model(folder)
    check_head(model.labels, source)
    if resolve_precision(precision) == "fp32":
        return on_fastest_device(model)
    return on_gpu(model) if has_gpu() else in_bf16(model)


def find_tagger(source: str | Path) -> Path:
    """Return the folder that ``load_tagger`` reads, without loading it or importing slow libraries.

    Raises:
        ConfigError: if several taggers lie there.
        UnavailableError: if there is none.
    """
    folder = tagger_folder(source)
    return folder if is_graph(folder) else resolve(str(folder))
