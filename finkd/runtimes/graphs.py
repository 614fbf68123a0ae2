"""ONNX Runtime, on graphs that are exported for it."""

from __future__ import annotations

from pathlib import Path

from finkd.export.onnx import GRAPH, Kind, export_onnx, load_onnx
from finkd.inference.tagger import Running
from finkd.models.model import Model


def onnx(model: Model, scratch: Path, threads: int) -> Running:
    """The graph in fp32."""
    return _exported(model, scratch, threads, "onnx")


def onnx_int8(model: Model, scratch: Path, threads: int) -> Running:
    """The graph in 8 bits."""
    return _exported(model, scratch, threads, "onnx-int8")


def _exported(model: Model, scratch: Path, threads: int, kind: Kind) -> Running:
    folder = scratch / kind
    if not folder.is_dir():
        export_onnx(model, folder, kind)
    return Running(load_onnx(folder, threads), (folder / GRAPH).stat().st_size)
