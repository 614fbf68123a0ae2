"""Stages: model in, model out. A strategy is a list of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finkd.corpora.registry import Registry

if TYPE_CHECKING:  # listing the names must not import torch
    from finkd.stages.stage import Stage

stages: Registry[type[Stage]] = Registry(
    "stages",
    {
        "truncate-layers": (
            "finkd.stages.truncate_layers:TruncateLayers",
            "keep some of the layers, and of the dimensions",
        ),
        "replace-vocabulary": (
            "finkd.stages.replace_vocabulary:ReplaceVocabulary",
            "a domain vocabulary, embeddings made from the old ones",
        ),
        "select": ("finkd.stages.select:Select", "only the better part of the raw text for the stages after it"),
        "adapt": ("finkd.stages.adapt:Adapt", "continued masked language modelling on domain text"),
        "distill": ("finkd.stages.distill:Distill", "a teacher's states and masked-LM logits, before any task"),
        "finetune": ("finkd.stages.finetune:Finetune", "NER with gold labels"),
        "task-distill": (
            "finkd.stages.task_distill:TaskDistill",
            "NER with a teacher's labels: on gold text or raw text",
        ),
        "compress:prune": ("finkd.stages.prune:Prune", "fewer heads, feed-forward units or layers: those needed least"),
        "compress:factorize": (
            "finkd.stages.low_rank:Factorize",
            "embeddings narrower than the encoder, for larger vocabularies",
        ),
        "compress:decompose": ("finkd.stages.low_rank:Decompose", "two thin matrices in place of each large one"),
        "compress:tensorize": (
            "finkd.stages.sharing:Tensorize",
            "shared factors of each matrix of all layers (Tucker, CP)",
        ),
        "compress:sparsify": (
            "finkd.stages.constrained:Sparsify",
            "zeros in the layers' matrices, while the other weights learn",
        ),
        "compress:quantize": ("finkd.stages.constrained:Quantize", "weights of few bits, more where the loss is steep"),
        "compress:tie-layers": ("finkd.stages.sharing:TieLayers", "one set of weights for all layers"),
    },
)
