"""MPNet with a table of token types, which it lacks in ``transformers``, for the case of words."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from transformers import AutoConfig, MPNetConfig, PreTrainedModel

HEADS = ("ForTokenClassification", "ForMaskedLM", "ForSequenceClassification", "ForQuestionAnswering", "Model")


class CaseMPNetConfig(MPNetConfig):  # type: ignore[no-untyped-call]
    """Configuration of MPNet with token types."""

    model_type = "finkd-mpnet"
    type_vocab_size: int = 1


@cache
def case_network(head: str) -> type[PreTrainedModel]:
    """Return the class of MPNet with token types and a head of a kind in ``HEADS``."""
    base: Any = getattr(transformers, f"MPNet{head}")

    def __init__(self: Any, config: Any, *args: Any, **options: Any) -> None:  # noqa: N807
        base.__init__(self, config, *args, **options)
        self.base_model.embeddings.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.post_init()

    def forward(
        self: Any,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        **options: Any,
    ) -> Any:
        embeddings = self.base_model.embeddings
        types = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        states = embeddings.word_embeddings(input_ids) + embeddings.token_type_embeddings(types)
        return base.forward(self, attention_mask=attention_mask, inputs_embeds=states, **options)

    members = {
        "__init__": __init__,
        "forward": forward,
        "config_class": CaseMPNetConfig,
        "__module__": __name__,
    }
    return type(f"Case{base.__name__}", (base,), members)


def register_case() -> None:
    """Make MPNet with token types known to ``AutoConfig`` and ``AutoModel``."""
    AutoConfig.register(CaseMPNetConfig.model_type, CaseMPNetConfig)
    for head in HEADS:
        auto: Any = getattr(transformers, "AutoModel" if head == "Model" else f"AutoModel{head}")
        auto.register(CaseMPNetConfig, case_network(head))
