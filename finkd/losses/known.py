"""Recipes: loss terms with the weights of papers, in their cross-tokenizer forms.

Under one tokenizer each term is the ordinary one, but for masked-LM logits: these are compared where text is masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """Loss terms that belong together.

    Attributes:
        losses: loss term -> its settings.
        source: where they were proposed.
    """

    losses: Mapping[str, Mapping[str, Any]]
    source: str


DISTILBERT = Recipe(
    {
        "masked-projection": {"weight": 5.0, "temperature": 2.0},
        "masked-lm": {"weight": 2.0},
        "aligned-hidden-states": {"measure": "cosine", "layers": "last"},
    },
    "Sanh et al. 2019, arXiv 1910.01108; weights from the README of its script",
)
FAST_VOCABULARY_TRANSFER = Recipe(
    {
        "masked-projection": {"weight": 0.5, "temperature": 2.0},
        "masked-lm": {"weight": 0.5},
        "aligned-hidden-states": {"weight": 0.5, "measure": "cosine", "layers": "last"},
    },
    "Gee et al. 2022 (fast vocabulary transfer), EMNLP industry track",
)
LOGITS = Recipe({"masked-projection": {"temperature": 2.0}}, "Hinton et al. 2015, arXiv 1503.02531")
MINILM = Recipe({"chunk-relations": {}}, "Wang et al. 2020 (MiniLM v2), arXiv 2012.15828")
TINYBERT = Recipe(
    {"aligned-hidden-states": {"measure": "mse"}, "chunk-attention": {}},
    "Jiao et al. 2019 (TinyBERT), arXiv 1909.10351, equations 7 to 9",
)
TINYBERT_LABELS = Recipe(
    {"word-logits-kl": {"temperature": 1.0}}, "Jiao et al. 2019 (TinyBERT), arXiv 1909.10351, equation 10"
)
WORD_LOGITS_AND_HIDDEN_STATES = Recipe(
    {"cross-entropy": {}, "word-logits-kl": {"temperature": 2.0}, "aligned-hidden-states": {}},
    "finkd; TextBrewer's teacher-labelled text (arXiv 2002.12620, section 4) with TinyBERT's hidden states",
)
