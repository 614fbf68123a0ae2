"""Strategies: orderings of stages. Known ones have a name here; ``parsing`` reads them, ``strategy`` holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finkd.corpora.registry import Registry

if TYPE_CHECKING:
    from finkd.strategies.known import KnownStrategy

_SUMMARIES = {
    "finetune": "the whole encoder on gold labels",
    "truncate-finetune": "fewer layers, gold labels only",
    "gold-distill": "fewer layers, teacher's labels on gold text",
    "text-distill": "fewer layers, teacher-labelled raw text, then gold text",
    "vocabulary-finetune": "domain vocabulary, gold labels only",
    "vocabulary-gold-distill": "domain vocabulary, teacher's labels on gold text across tokenizers",
    "vocabulary-text-distill": "domain vocabulary, teacher-labelled raw text, then gold text across tokenizers",
    "adapt-finetune": "fewer layers, adapted to the domain",
    "distill-finetune": "fewer layers, distilled on general text",
    "adapt-distill": "adapted to the domain, then distilled in it",
    "distill-adapt": "distilled on general text, then adapted",
    "distill-adapt-distill": "distilled on general text, adapted, distilled in the domain from the adapted teacher",
    "distill-adapt-distill-unadapted": "the same from the teacher as it came",
    "vocabulary-first": "domain vocabulary before distill-adapt-distill",
    "vocabulary-between": "domain vocabulary between the general distillation and the adaptation",
    "vocabulary-last": "domain vocabulary after distill-adapt-distill",
    "adalm": "adapted teacher, grown vocabulary, distilled in the domain",
    "fast-vocabulary-transfer": "distilled on general text, mean embeddings, distilled in the domain",
    "tinybert": "states and attention on general text, then on the task",
    "minilm": "attention relations on general text",
    "distilbert": "triple loss on general text, then the teacher's labels",
    "masked-teacher": "no student: a masked-LM head on the teacher",
    "adapted-teacher": "no student: the teacher adapted to the domain",
}

strategies: Registry[KnownStrategy] = Registry(
    "strategies",
    {
        name: (f"finkd.strategies.known:{name.upper().replace('-', '_')}", summary)
        for name, summary in _SUMMARIES.items()
    },
)
