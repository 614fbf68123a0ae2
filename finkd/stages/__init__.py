"""Stages: model in, model out. A strategy is a list of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finkd.corpora.registry import Registry

if TYPE_CHECKING:  # listing the names must not import torch
    from finkd.stages.stage import Stage

_STAGES = {
    "truncate-layers": ("truncate_layers:TruncateLayers", "keep some of the layers, and of the dimensions"),
    "replace-vocabulary": (
        "replace_vocabulary:ReplaceVocabulary",
        "a domain vocabulary, embeddings made from the old ones",
    ),
    "embed-case": ("embed_case:EmbedCase", "the case of each word, beside the tokens of an uncased vocabulary"),
    "replace-head": ("replace_head:ReplaceHead", "start from a tagger of other labels: keep its head's rows, or none"),
    "select": ("select:Select", "only the better part of the raw text for the stages after it"),
    "adapt": ("adapt:Adapt", "continued masked language modelling on domain text"),
    "distill": ("distill:Distill", "a teacher's states and masked-LM logits, before any task"),
    "finetune": ("finetune:Finetune", "NER with gold labels"),
    "task-distill": ("task_distill:TaskDistill", "NER with a teacher's labels: on gold text or raw text"),
    "calibrate": ("calibrate:Calibrate", "scores of entities scaled to how often they are right"),
    "compress:prune": ("prune:Prune", "fewer heads, feed-forward units or layers: those needed least"),
    "compress:factorize": ("low_rank:Factorize", "embeddings narrower than the encoder, for larger vocabularies"),
    "compress:decompose": ("low_rank:Decompose", "two thin matrices in place of each large one"),
    "compress:tensorize": ("sharing:Tensorize", "shared factors of each matrix of all layers (Tucker, CP)"),
    "compress:sparsify": ("constrained:Sparsify", "zeros in the layers' matrices, while the other weights learn"),
    "compress:quantize": ("constrained:Quantize", "weights of few bits, more where the loss is steep"),
    "compress:tie-layers": ("sharing:TieLayers", "one set of weights for all layers"),
}
"""Name -> class within this package, and a summary."""

stages: Registry[type[Stage]] = Registry(
    "stages", {name: (f"finkd.stages.{target}", summary) for name, (target, summary) in _STAGES.items()}
)
