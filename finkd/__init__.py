"""Small, fast financial NER models: teachers, students, losses, stages, strategies and their records.

Everything that the command line does is one call from here; nothing is imported before it is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from corpora.loading import load as load_corpus
    from experiments.benchmarking.benchmark import benchmark
    from experiments.configuration.experiment import load_experiment
    from experiments.running.compression import compressed as compress
    from experiments.running.run import run
    from experiments.service.app import make_app
    from experiments.suites.evaluate import evaluate_suite
    from experiments.vocabularies.shift import compare as compare_vocabularies
    from finkd.evaluation.ner import evaluate
    from finkd.export.loading import load_tagger
    from finkd.export.onnx import export_onnx
    from finkd.export.spacy import export_spacy
    from finkd.inference.tagging import tag
    from finkd.models.architectures import register as register_architectures
    from finkd.models.loading import load_model
    from finkd.records import load_records
    from reports.build import build as report
    from tokenization.alignment import align
    from tokenization.analysis import analyze
    from tokenization.tokenizer import Tokenizer
    from tokenization.vocabulary import train as train_vocabulary

__version__ = "0.1.0"

_TARGETS = {
    "Tokenizer": "tokenization.tokenizer:Tokenizer",
    "align": "tokenization.alignment:align",
    "analyze": "tokenization.analysis:analyze",
    "benchmark": "experiments.benchmarking.benchmark:benchmark",
    "compare_vocabularies": "experiments.vocabularies.shift:compare",
    "compress": "experiments.running.compression:compressed",
    "evaluate": "finkd.evaluation.ner:evaluate",
    "evaluate_suite": "experiments.suites.evaluate:evaluate_suite",
    "export_onnx": "finkd.export.onnx:export_onnx",
    "export_spacy": "finkd.export.spacy:export_spacy",
    "load_corpus": "corpora.loading:load",
    "load_experiment": "experiments.configuration.experiment:load_experiment",
    "load_model": "finkd.models.loading:load_model",
    "load_records": "finkd.records:load_records",
    "load_tagger": "finkd.export.loading:load_tagger",
    "make_app": "experiments.service.app:make_app",
    "register_architectures": "finkd.models.architectures:register",
    "report": "reports.build:build",
    "run": "experiments.running.run:run",
    "tag": "finkd.inference.tagging:tag",
    "train_vocabulary": "tokenization.vocabulary:train",
}

__all__ = [
    "Tokenizer",
    "__version__",
    "align",
    "analyze",
    "benchmark",
    "compare_vocabularies",
    "compress",
    "evaluate",
    "evaluate_suite",
    "export_onnx",
    "export_spacy",
    "load_corpus",
    "load_experiment",
    "load_model",
    "load_records",
    "load_tagger",
    "make_app",
    "register_architectures",
    "report",
    "run",
    "tag",
    "train_vocabulary",
]


def __getattr__(name: str) -> Any:
    """Import one of the names above when it is first used (PEP 562)."""
    if name not in _TARGETS:
        raise AttributeError(f"module 'finkd' has no attribute {name!r}")
    module, _, attribute = _TARGETS[name].partition(":")
    value = getattr(importlib.import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
