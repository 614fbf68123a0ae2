"""Strategies: orderings of stages. Known ones have a name here; ``parsing`` reads them, ``strategy`` holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finkd.corpora.registry import Registry

if TYPE_CHECKING:
    from finkd.strategies.known import KnownStrategy

strategies: Registry[KnownStrategy] = Registry(
    "strategies",
    {
        "finetune": ("finkd.strategies.known:FINETUNE", "the whole encoder on gold labels"),
        "truncate-finetune": ("finkd.strategies.known:TRUNCATE_FINETUNE", "fewer layers, gold labels only"),
        "gold-distill": ("finkd.strategies.known:GOLD_DISTILL", "fewer layers, teacher's labels on gold text"),
        "text-distill": (
            "finkd.strategies.known:TEXT_DISTILL",
            "fewer layers, teacher-labelled raw text, then gold text",
        ),
        "vocabulary-finetune": ("finkd.strategies.known:VOCABULARY_FINETUNE", "domain vocabulary, gold labels only"),
        "vocabulary-gold-distill": (
            "finkd.strategies.known:VOCABULARY_GOLD_DISTILL",
            "domain vocabulary, teacher's labels on gold text across tokenizers",
        ),
        "vocabulary-text-distill": (
            "finkd.strategies.known:VOCABULARY_TEXT_DISTILL",
            "domain vocabulary, teacher-labelled raw text, then gold text across tokenizers",
        ),
        "adapt-finetune": ("finkd.strategies.known:ADAPT_FINETUNE", "fewer layers, adapted to the domain"),
        "distill-finetune": ("finkd.strategies.known:DISTILL_FINETUNE", "fewer layers, distilled on general text"),
        "adapt-distill": ("finkd.strategies.known:ADAPT_DISTILL", "adapted to the domain, then distilled in it"),
        "distill-adapt": ("finkd.strategies.known:DISTILL_ADAPT", "distilled on general text, then adapted"),
        "distill-adapt-distill": (
            "finkd.strategies.known:DISTILL_ADAPT_DISTILL",
            "distilled on general text, adapted, distilled in the domain from the adapted teacher",
        ),
        "distill-adapt-distill-unadapted": (
            "finkd.strategies.known:DISTILL_ADAPT_DISTILL_UNADAPTED",
            "the same from the teacher as it came",
        ),
        "vocabulary-first": (
            "finkd.strategies.known:VOCABULARY_FIRST",
            "domain vocabulary before distill-adapt-distill",
        ),
        "vocabulary-between": (
            "finkd.strategies.known:VOCABULARY_BETWEEN",
            "domain vocabulary between the general distillation and the adaptation",
        ),
        "vocabulary-last": ("finkd.strategies.known:VOCABULARY_LAST", "domain vocabulary after distill-adapt-distill"),
        "adalm": ("finkd.strategies.known:ADALM", "adapted teacher, grown vocabulary, distilled in the domain"),
        "fast-vocabulary-transfer": (
            "finkd.strategies.known:FAST_VOCABULARY_TRANSFER",
            "distilled on general text, mean embeddings, distilled in the domain",
        ),
        "tinybert": ("finkd.strategies.known:TINYBERT", "states and attention on general text, then on the task"),
        "minilm": ("finkd.strategies.known:MINILM", "attention relations on general text"),
        "distilbert": ("finkd.strategies.known:DISTILBERT", "triple loss on general text, then the teacher's labels"),
        "masked-teacher": ("finkd.strategies.known:MASKED_TEACHER", "no student: a masked-LM head on the teacher"),
        "adapted-teacher": ("finkd.strategies.known:ADAPTED_TEACHER", "no student: the teacher adapted to the domain"),
    },
)
