"""Taggers as ONNX graphs, for ``finkd benchmark``."""

from __future__ import annotations

from pathlib import Path

from finkd.export.onnx_export import Kind, export_onnx
from finkd.export.onnx_tagger import load_onnx
from finkd.inference.tagger import Running
from finkd.models.lookup import GRAPH
from finkd.models.model import Model


def fp32(model: Model, scratch: Path, threads: int) -> Running:
    """Run the graph in fp32, exported below ``scratch`` once."""
    return _exported(model, scratch, threads, "onnx")


def int8(model: Model, scratch: Path, threads: int) -> Running:
    """Run the graph in 8 bits, exported below ``scratch`` once."""
    return _exported(model, scratch, threads, "onnx-int8")


def _exported(model: Model, scratch: Path, threads: int, kind: Kind) -> Running:
    folder = scratch / kind
    if not folder.is_dir():
        export_onnx(model, folder, kind)
    return Running(load_onnx(folder, threads), (folder / GRAPH).stat().st_size)
