"""Small, fast financial NER models from big encoders of other families.

Everything that the command line does is one call from here; nothing is imported before it is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finkd.corpora.errors import ConfigError, DataError, FinkdError, StoreError, UnavailableError
    from finkd.corpora.loading import load as load_corpus
    from finkd.corpora.sentence import Sentence
    from finkd.evaluation.ner import evaluate
    from finkd.experiments.benchmarking.benchmark import benchmark
    from finkd.experiments.configuration.experiment import Experiment, load_experiment
    from finkd.experiments.running.compression import compress
    from finkd.experiments.running.distillation import distill
    from finkd.experiments.running.run import run
    from finkd.experiments.service.app import make_app
    from finkd.experiments.suites.encoder_experiment import EncoderExperiment, load_encoder_experiment
    from finkd.experiments.suites.encoders import run_encoders
    from finkd.experiments.suites.evaluate import evaluate_suite
    from finkd.experiments.tuning.search import load_plan
    from finkd.experiments.tuning.tune import tune
    from finkd.experiments.vocabularies import AnalysisPlan, analyze
    from finkd.export.loading import load_tagger
    from finkd.export.onnx_export import export_onnx
    from finkd.export.spacy import export_spacy
    from finkd.inference.tagging import Tagged, predict
    from finkd.models.architectures import register as register_architectures
    from finkd.models.loading import load_model
    from finkd.models.model import Model
    from finkd.records import RunRecord, load_records
    from finkd.reports.build import build as report
    from finkd.reports.frame import records_frame
    from finkd.tokenization.alignment import align
    from finkd.tokenization.tokenizer import Tokenizer
    from finkd.tokenization.vocabulary import train as train_vocabulary
    from finkd.training.schedule import Schedule

__version__ = "0.1.0"

_TARGETS = {
    "AnalysisPlan": "finkd.experiments.vocabularies:AnalysisPlan",
    "ConfigError": "finkd.corpora.errors:ConfigError",
    "DataError": "finkd.corpora.errors:DataError",
    "EncoderExperiment": "finkd.experiments.suites.encoder_experiment:EncoderExperiment",
    "Experiment": "finkd.experiments.configuration.experiment:Experiment",
    "FinkdError": "finkd.corpora.errors:FinkdError",
    "Model": "finkd.models.model:Model",
    "RunRecord": "finkd.records:RunRecord",
    "Schedule": "finkd.training.schedule:Schedule",
    "Sentence": "finkd.corpora.sentence:Sentence",
    "StoreError": "finkd.corpora.errors:StoreError",
    "Tagged": "finkd.inference.tagging:Tagged",
    "Tokenizer": "finkd.tokenization.tokenizer:Tokenizer",
    "UnavailableError": "finkd.corpora.errors:UnavailableError",
    "align": "finkd.tokenization.alignment:align",
    "analyze": "finkd.experiments.vocabularies:analyze",
    "benchmark": "finkd.experiments.benchmarking.benchmark:benchmark",
    "compress": "finkd.experiments.running.compression:compress",
    "distill": "finkd.experiments.running.distillation:distill",
    "evaluate": "finkd.evaluation.ner:evaluate",
    "evaluate_suite": "finkd.experiments.suites.evaluate:evaluate_suite",
    "export_onnx": "finkd.export.onnx_export:export_onnx",
    "export_spacy": "finkd.export.spacy:export_spacy",
    "load_corpus": "finkd.corpora.loading:load",
    "load_encoder_experiment": "finkd.experiments.suites.encoder_experiment:load_encoder_experiment",
    "load_experiment": "finkd.experiments.configuration.experiment:load_experiment",
    "load_model": "finkd.models.loading:load_model",
    "load_plan": "finkd.experiments.tuning.search:load_plan",
    "load_records": "finkd.records:load_records",
    "load_tagger": "finkd.export.loading:load_tagger",
    "make_app": "finkd.experiments.service.app:make_app",
    "predict": "finkd.inference.tagging:predict",
    "records_frame": "finkd.reports.frame:records_frame",
    "register_architectures": "finkd.models.architectures:register",
    "report": "finkd.reports.build:build",
    "run": "finkd.experiments.running.run:run",
    "run_encoders": "finkd.experiments.suites.encoders:run_encoders",
    "train_vocabulary": "finkd.tokenization.vocabulary:train",
    "tune": "finkd.experiments.tuning.tune:tune",
}

__all__ = [
    "AnalysisPlan",
    "ConfigError",
    "DataError",
    "EncoderExperiment",
    "Experiment",
    "FinkdError",
    "Model",
    "RunRecord",
    "Schedule",
    "Sentence",
    "StoreError",
    "Tagged",
    "Tokenizer",
    "UnavailableError",
    "__version__",
    "align",
    "analyze",
    "benchmark",
    "compress",
    "distill",
    "evaluate",
    "evaluate_suite",
    "export_onnx",
    "export_spacy",
    "load_corpus",
    "load_encoder_experiment",
    "load_experiment",
    "load_model",
    "load_plan",
    "load_records",
    "load_tagger",
    "make_app",
    "predict",
    "records_frame",
    "register_architectures",
    "report",
    "run",
    "run_encoders",
    "train_vocabulary",
    "tune",
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
