"""Another vocabulary for a model, whose embeddings are made from the old ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from finkd.models.config_file import PADDING_FIRST
from finkd.models.embedding_transfer import Carry, Characters, Transfer
from finkd.models.layer_overrides import family
from finkd.models.model import Model
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.trainers.editing import with_padding_at


def replace_vocabulary(
    model: Model, tokenizer: Tokenizer, transfer: Transfer | None = None, texts: Iterable[str] = (), seed: int = 0
) -> Model:
    """Return a copy with another tokenizer, whose embeddings are made from the old ones.

    A masked-LM head's bias, and its weights if they are not the embeddings, are made likewise.

    Args:
        model: an encoder or tagger; not changed.
        tokenizer: the new tokenizer. MPNet takes one id for padding whatever its configuration says, so its tokens are
            numbered anew.
        transfer: the method; by default ``characters`` of ``finkd.models.embedding_transfer``.
        texts: of the domain, for transfers that need them.
        seed: for transfers that draw.
    """
    own_padding = PADDING_FIRST.get(family(model.encoder.config.model_type))
    if own_padding is not None:
        tokenizer = with_padding_at(tokenizer, own_padding)
    tokenizer = tokenizer.giving_case(model.tokenizer.gives_case)
    carry = (transfer or Characters())(model.tokenizer, tokenizer, texts, seed)
    student = replace(model.copied(), tokenizer=tokenizer)
    padding = tokenizer.special_ids["pad"]
    old = student.embeddings.weight
    new = _carried(carry, old, model.tokenizer)
    table = nn.Embedding(len(new), new.shape[1], padding_idx=padding, _weight=new)
    _replace_output(student.network, old, table, partial(_carried, carry, tokenizer=model.tokenizer))
    student.encoder.set_input_embeddings(table)
    embeddings: Any = getattr(student.encoder, "embeddings", None)
    if hasattr(embeddings, "padding_idx"):  # positions are numbered from the padding id on, as in RoBERTa: shift them
        positions = embeddings.position_embeddings
        with torch.no_grad():
            positions.weight.copy_(positions.weight.roll(padding - embeddings.padding_idx, dims=0))
        embeddings.padding_idx = positions.padding_idx = padding
    for config in (student.network.config, student.encoder.config):
        config.vocab_size = len(tokenizer)
        config.pad_token_id = padding
        for role, name in (("cls", "bos_token_id"), ("sep", "eos_token_id")):
            if getattr(config, name, None) is not None:
                setattr(config, name, tokenizer.special_ids.get(role))
    return student


def _carried(carry: Carry, table: Tensor, tokenizer: Tokenizer) -> Tensor:
    """Make (new, width) rows from (old, width) rows; rows beyond the old tokenizer's tokens are unused."""
    old = table.detach()[: len(tokenizer)].float().cpu().numpy()
    return torch.from_numpy(carry(old)).to(table)


def _replace_output(
    network: PreTrainedModel, old: Tensor, table: nn.Embedding, carried: Callable[[Tensor], Tensor]
) -> None:
    """Replace the output layer of a masked-LM head, if there is one, by one for the new vocabulary."""
    output: Any = network.get_output_embeddings()  # type: ignore[no-untyped-call]
    if output is None:
        return
    weight = table.weight if output.weight is old else nn.Parameter(carried(output.weight))
    layer = nn.Linear(weight.shape[1], len(weight), bias=output.bias is not None, device="meta")
    layer.weight = weight
    if output.bias is not None:
        layer.bias = nn.Parameter(carried(output.bias[:, None])[:, 0])
        # Heads hold the bias under a second name, which must stay the same parameter.
        for module in network.modules():
            for name, parameter in list(module.named_parameters(recurse=False)):
                if parameter is output.bias:
                    setattr(module, name, layer.bias)
    network.set_output_embeddings(layer)  # type: ignore[no-untyped-call]
