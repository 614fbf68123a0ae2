"""Loss terms: small objects that say what they need and compute one number from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from corpora.registry import Registry

if TYPE_CHECKING:  # listing the names must not import torch
    from finkd.losses.term import Loss

losses: Registry[type[Loss]] = Registry(
    "losses",
    {
        "cross-entropy": ("finkd.losses.cross_entropy:CrossEntropy", "gold labels at each word's first piece"),
        "word-kl": ("finkd.losses.word_kl:WordKL", "teacher's label distribution per word, across tokenizers"),
        "span-hidden": (
            "finkd.losses.span_hidden:SpanHidden",
            "teacher's hidden states pooled to the student's pieces",
        ),
    },
)
