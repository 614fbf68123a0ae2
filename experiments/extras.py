"""Packages that only some commands need, and the extra of finkd that brings each."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

EXTRAS: Mapping[str, str] = {
    "optuna": "tune",
    "optuna_dashboard": "tune",
    "sqlalchemy": "tune",
    "psycopg": "postgres",
    "onnx": "export",
    "onnx_ir": "export",
    "onnxruntime": "export",
    "onnxscript": "export",
    "fastapi": "serve",
    "prometheus_client": "serve",
    "uvicorn": "serve",
    "starlette": "serve",
    "bitsandbytes": "general",
    "datasets": "general",
    "peft": "general",
    "rouge_score": "general",
    "sacrebleu": "general",
    "sklearn": "general",
    "tensorly": "compress",
    "gliner": "gliner",
    "torchao": "torchao",
}


NOT_FOR_GRAPHS = frozenset(
    {
        "accelerate",
        "datasketch",
        "matplotlib",
        "pandas",
        "pyarrow",
        "rapidfuzz",
        "scipy",
        "sentencepiece",
        "torch",
        "transformers",
    }
)
"""Packages of finkd that running an exported graph needs none of: ``.ci/requirements/graph.lock`` is without them."""


def check_extra(extra: str) -> None:
    """Check that all packages of an extra are installed, without importing them.

    Raises:
        ModuleNotFoundError: with the name of the first one that is missing.
    """
    for package, brought_by in EXTRAS.items():
        if brought_by == extra and find_spec(package) is None:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)


def advice(error: ModuleNotFoundError) -> str | None:
    """Return what to install for a package that is missing; ``None`` if it is none of finkd's.

    Example:
        >>> advice(ModuleNotFoundError("No module named 'onnx'", name="onnx.helper"))
        "needs the package onnx: pip install 'finkd[export]'"
    """
    package = (error.name or "").partition(".")[0]
    if package in NOT_FOR_GRAPHS:
        return f"needs the package {package} (an exported graph does not): pip install finkd"
    extra = EXTRAS.get(package)
    return None if extra is None else f"needs the package {package}: pip install 'finkd[{extra}]'"
