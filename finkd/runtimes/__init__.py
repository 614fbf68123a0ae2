"""Registry of runtimes: libraries and number formats that run a tagger."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from finkd.corpora.registry import Registry

if TYPE_CHECKING:  # listing the names must not import torch
    from pathlib import Path

    from finkd.inference.tagger import Running
    from finkd.models.model import Model

runtimes: Registry[Callable[[Model, Path, int], Running]] = Registry(
    "runtimes",
    {
        "eager": ("finkd.inference.pytorch:eager", "PyTorch as it comes, in fp32"),
        "bf16": ("finkd.inference.pytorch:bf16", "PyTorch in bf16, which pays where the processor multiplies it"),
        "compiled": ("finkd.inference.pytorch:compiled", "PyTorch in fp32, compiled by its inductor"),
        "int8": ("finkd.inference.pytorch:int8", "PyTorch with the layers' matrices in 8 bits (dynamic quantization)"),
        "torchao-int8": ("finkd.inference.pytorch:torchao_int8", "torchao with the layers' matrices in 8 bits"),
        "bnb-int8": ("finkd.runtimes.bits:bnb_int8", "bitsandbytes with the layers' matrices in 8 bits"),
        "nf4": ("finkd.runtimes.bits:nf4", "bitsandbytes with the layers' matrices in 4 bits"),
        "cuda": ("finkd.inference.pytorch:cuda", "PyTorch in bf16 on a GPU"),
        "onnx": ("finkd.runtimes.graphs:fp32", "ONNX Runtime in fp32"),
        "onnx-int8": (
            "finkd.runtimes.graphs:int8",
            "ONNX Runtime in 8 bits, with balanced inputs (dynamic quantization)",
        ),
    },
)
