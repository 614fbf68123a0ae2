"""Families of encoders: the smallest network of each, and what finkd can do with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import transformers

from finkd.models.model import Model
from finkd.tokenization.tokenizer import Tokenizer

_SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
_DISTILBERT = {"dim": 32, "n_layers": 3, "n_heads": 2, "hidden_dim": 64}
_POSITIONS = 130


@dataclass(frozen=True)
class Family:
    """Encoders of one architecture.

    Attributes:
        title: its usual name.
        classes: beginning of the names of its classes in ``transformers``.
        example: a published model.
        sizes: configuration of a tiny network.
        padding: id of its padding token, after which some families begin to count positions.
    """

    title: str
    classes: str
    example: str
    sizes: Mapping[str, Any] = field(default_factory=dict)
    padding: int = 0

    def tiny(self, tokenizer: Tokenizer) -> Model:
        """Return an encoder of random weights, the same each time, with room for 128 tokens."""
        entries = {"vocab_size": len(tokenizer), "max_position_embeddings": _POSITIONS, "pad_token_id": self.padding}
        config = getattr(transformers, f"{self.classes}Config")(**{**_SIZES, **entries, **self.sizes})
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            network = getattr(transformers, f"{self.classes}Model")(config)
        return Model(network.eval(), tokenizer)


FAMILIES: Mapping[str, Family] = {
    "bert": Family("BERT", "Bert", "bert-base-uncased"),
    "roberta": Family("RoBERTa", "Roberta", "roberta-base", {"type_vocab_size": 1}, padding=1),
    "xlm-roberta": Family("XLM-R", "XLMRoberta", "xlm-roberta-base", {"type_vocab_size": 1}, padding=1),
    "distilbert": Family("DistilBERT", "DistilBert", "distilbert-base-uncased", _DISTILBERT),
    "electra": Family("ELECTRA", "Electra", "google/electra-small-discriminator", {"embedding_size": 16}),
    "albert": Family("ALBERT", "Albert", "albert-base-v2", {"embedding_size": 16}),
    "deberta-v2": Family(
        "DeBERTa-v2 and -v3",
        "DebertaV2",
        "microsoft/deberta-v3-small",
        {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    ),
    "mpnet": Family("MPNet", "MPNet", "sentence-transformers/all-mpnet-base-v2", padding=1),
    "modernbert": Family(
        "ModernBERT",
        "ModernBert",
        "answerdotai/ModernBERT-base",
        {"cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3},
    ),
}
"""Families that contract tests hold to docs/reference/models.md; others that ``transformers`` has may work too."""
