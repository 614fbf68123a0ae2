"""Loss terms: objects that declare the outputs they require and compute a scalar from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from finkd.corpora.errors import ConfigError
from finkd.corpora.registry import Registry
from finkd.settings import build

if TYPE_CHECKING:  # listing the names must not import torch
    from finkd.losses.known import Recipe
    from finkd.losses.term import Loss, Requirement

losses: Registry[type[Loss]] = Registry(
    "losses",
    {
        "cross-entropy": (
            "finkd.losses.cross_entropy:CrossEntropy",
            "gold labels at each word's first token",
            "devlin2019bert",
        ),
        "word-logits-kl": (
            "finkd.losses.word_logits_kl:WordLogitsKL",
            "teacher's label distribution per word, across tokenizers",
            "hinton2015distilling",
        ),
        "sequence-kl": (
            "finkd.losses.sequence_kl:SequenceKL",
            "teacher's distribution of whole label sequences",
            "wang2020structure",
        ),
        "aligned-hidden-states": (
            "finkd.losses.aligned_hidden_states:AlignedHiddenStates",
            "teacher's hidden states pooled to the student's tokens",
            "jiao2020tinybert sanh2019distilbert",
        ),
        "chunk-relations": (
            "finkd.losses.relations:ChunkRelations",
            "relations between queries, keys and values of common chunks",
            "wang2021minilmv2",
        ),
        "chunk-attention": (
            "finkd.losses.relations:ChunkAttention",
            "attention scores between common chunks",
            "jiao2020tinybert",
        ),
        "embedding": (
            "finkd.losses.embedding:Embedding",
            "token embeddings, spelled in the teacher's tokens",
            "jiao2020tinybert",
        ),
        "masked-lm": ("finkd.losses.masked_lm:MaskedLM", "masked tokens of the text itself", "devlin2019bert"),
        "masked-projection": (
            "finkd.losses.masked_lm_distillation:MaskedProjection",
            "teacher's scores of masked tokens, projected to the student's vocabulary",
            "sanh2019distilbert",
        ),
        "masked-marginal": (
            "finkd.losses.masked_lm_distillation:MaskedMarginal",
            "teacher's masked tokens, retokenized position by position",
        ),
        "alm": (
            "finkd.losses.masked_lm_distillation:ALM",
            "teacher's likelihood of masked chunks (ALM)",
            "minixhofer2025alm",
        ),
        "uld": ("finkd.losses.cross_vocabulary:ULD", "sorted probabilities, no alignment (ULD)", "boizard2024uld"),
        "mined": ("finkd.losses.cross_vocabulary:MinED", "entries matched by edit distance (MinED)", "wan2024fusellm"),
        "uld-hybrid": ("finkd.losses.cross_vocabulary:ULDHybrid", "equal entries matched, the others sorted (GOLD)"),
    },
)
"""Name -> where the loss is, what it compares, and BibTeX keys of its papers (none: finkd's own)."""


recipes: Registry[Recipe] = Registry(
    "recipes",
    {
        "word-logits-and-hidden-states": (
            "finkd.losses.known:WORD_LOGITS_AND_HIDDEN_STATES",
            "task-distill: gold labels, the teacher's labels and its hidden states",
        ),
        "tinybert": ("finkd.losses.known:TINYBERT", "distill and task-distill: hidden states and attention scores"),
        "tinybert-labels": ("finkd.losses.known:TINYBERT_LABELS", "task-distill: the teacher's labels alone"),
        "distilbert": ("finkd.losses.known:DISTILBERT", "distill: the triple loss"),
        "fast-vocabulary-transfer": (
            "finkd.losses.known:FAST_VOCABULARY_TRANSFER",
            "distill: the triple loss with equal weights",
        ),
        "minilm": ("finkd.losses.known:MINILM", "distill: relations of the last layer"),
        "logits": ("finkd.losses.known:LOGITS", "distill: masked-LM logits alone"),
    },
)


def build_terms(settings: str | Mapping[str, Mapping[str, Any]], refused: Requirement, why: str) -> list[Loss]:
    """Build loss terms from a configuration.

    Args:
        settings: loss term -> its settings, or the name of a recipe.
        refused: requirements that the stage cannot meet.
        why: what to say of a term that has one of them.

    Raises:
        ConfigError: if a setting is wrong, or a term is refused.
        UnknownNameError: if a term or a recipe is unknown.
    """
    if isinstance(settings, str):
        settings = recipes.get(settings).losses
    if not settings:
        raise ConfigError("losses: expected at least one term, such as 'word-logits-kl: {}' (got none)")
    terms = [build(losses.get(name), each, f"losses.{name}") for name, each in settings.items()]
    for name, term in zip(settings, terms, strict=True):
        if term.requires & refused:
            raise ConfigError(f"losses.{name}: {why}")
    return terms
