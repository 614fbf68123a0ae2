"""Small, fast financial NER models: teachers, students, losses, stages, strategies and their records.

Everything that the command line does is one call from here; nothing is imported before it is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finkd.corpora.loading import load as load_corpus
    from finkd.evaluation.ner import evaluate
    from finkd.experiments.benchmarking.benchmark import benchmark
    from finkd.experiments.configuration.experiment import load_experiment
    from finkd.experiments.running.compression import compressed as compress
    from finkd.experiments.running.run import run
    from finkd.experiments.service.app import make_app
    from finkd.experiments.suites.evaluate import evaluate_suite
    from finkd.experiments.vocabularies import compare as compare_vocabularies
    from finkd.export.loading import load_tagger
    from finkd.export.onnx import export_onnx
    from finkd.export.spacy import export_spacy
    from finkd.inference.tagging import tag
    from finkd.models.architectures import register as register_architectures
    from finkd.models.loading import load_model
    from finkd.records import load_records
    from finkd.reports.build import build as report
    from finkd.tokenization.alignment import align
    from finkd.tokenization.analysis import analyze
    from finkd.tokenization.tokenizer import Tokenizer
    from finkd.tokenization.vocabulary import train as train_vocabulary

__version__ = "0.1.0"

_TARGETS = {
    "Tokenizer": "finkd.tokenization.tokenizer:Tokenizer",
    "align": "finkd.tokenization.alignment:align",
    "analyze": "finkd.tokenization.analysis:analyze",
    "benchmark": "finkd.experiments.benchmarking.benchmark:benchmark",
    "compare_vocabularies": "finkd.experiments.vocabularies:compare",
    "compress": "finkd.experiments.running.compression:compressed",
    "evaluate": "finkd.evaluation.ner:evaluate",
    "evaluate_suite": "finkd.experiments.suites.evaluate:evaluate_suite",
    "export_onnx": "finkd.export.onnx:export_onnx",
    "export_spacy": "finkd.export.spacy:export_spacy",
    "load_corpus": "finkd.corpora.loading:load",
    "load_experiment": "finkd.experiments.configuration.experiment:load_experiment",
    "load_model": "finkd.models.loading:load_model",
    "load_records": "finkd.records:load_records",
    "load_tagger": "finkd.export.loading:load_tagger",
    "make_app": "finkd.experiments.service.app:make_app",
    "register_architectures": "finkd.models.architectures:register",
    "report": "finkd.reports.build:build",
    "run": "finkd.experiments.running.run:run",
    "tag": "finkd.inference.tagging:tag",
    "train_vocabulary": "finkd.tokenization.vocabulary:train",
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
