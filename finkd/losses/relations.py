"""Distil attention across tokenizers, between chunks that both tokenizations share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from finkd.corpora.errors import ConfigError
from finkd.losses.alignment import Chunks
from finkd.losses.layers import Layers, layer_pairs
from finkd.losses.term import Loss, Requirement, StepOutputs
from finkd.models.shape import Shape

_NEVER = -1e4
"""Score of a chunk that is not there: its probability is 0 in every precision, and its gradient is finite."""

_ROLES = {"q": 0, "k": 1, "v": 2}


@dataclass(frozen=True)
class ChunkRelations(Loss):
    """KL(softmax(X_T X_T' / sqrt(d_T)) || softmax(X_S X_S' / sqrt(d_S))), averaged over relations, heads and chunks.

    X holds a layer's queries, keys or values, averaged over the tokens of each chunk and cut into relation heads, so
    neither the widths nor the numbers of attention heads have to agree. The relations are MiniLM v2's (Wang et al.,
    arXiv 2012.15828, section 3); chunks in the place of tokens are finkd's.

    Attributes:
        relations: which ones.
        layers: which layers are compared; of a deep teacher, MiniLM v2 takes one before the last.
        heads: relation heads; 0 takes the student's attention heads, of which all layers must have as many.
    """

    relations: Annotated[tuple[Literal["qq", "kk", "vv"], ...], Field(min_length=1)] = ("qq", "kk", "vv")
    layers: Layers = "last"
    heads: Annotated[int, Field(ge=0)] = 0
    requires: ClassVar[Requirement] = Requirement.ATTENTION

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar; 0 if the batch has no chunk.

        Raises:
            ConfigError: if a layer does not exist, layers differ in their heads, or a width cannot be cut into so many.
        """
        chunks = _chunks(outputs)
        heads = self._heads(outputs.student.attention_heads)
        terms = []
        for student, teacher in _attention(outputs, self.layers, "chunk-relations.layers"):
            for relation in self.relations:
                role = _ROLES[relation[0]]
                ours = _by_head(chunks, chunks.student.average(student[role].float()), heads)
                theirs = _by_head(chunks, chunks.teacher.average(teacher[role].float()), heads)
                terms.append(_divergence(_relation(ours, chunks), _relation(theirs, chunks), chunks))
        return torch.stack(terms).mean()

    def check(self, student: Shape, teacher: Shape) -> None:
        """Check before any training what a call checks; errors are the same."""
        heads = self._heads(_attention_heads(student))
        for pair in layer_pairs(self.layers, student.layers, teacher.layers, "chunk-relations.layers", first=1):
            for shape, layer in zip((student, teacher), pair, strict=True):
                _check_divides(heads, shape.heads_by_layer[layer - 1] * shape.width // shape.heads)

    def _heads(self, attention_heads: int) -> int:
        if not (heads := self.heads or attention_heads):
            raise ConfigError("losses.chunk-relations.heads: the student's layers differ in their heads; name a number")
        return heads


@dataclass(frozen=True)
class ChunkAttention(Loss):
    """Mean squared difference of the attention scores q k' / sqrt(d) before the softmax, between pairs of chunks.

    The score of two chunks is the mean of the scores of their tokens, which is the score of their mean query and mean
    key. Under one tokenizer this is TinyBERT's attention loss (Jiao et al., arXiv 1909.10351, equation 7). It is
    computed from queries and keys, because ``transformers`` gives attention only after the softmax, and none at all
    with its default kernels.

    Attributes:
        layers: which of the teacher's layers each of the student's learns from.
    """

    layers: Layers = "even"
    requires: ClassVar[Requirement] = Requirement.ATTENTION

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar mean over layers, heads and pairs of chunks; 0 if the batch has no chunk.

        Raises:
            ConfigError: if a layer does not exist, or the models have different numbers of heads.
        """
        heads = outputs.student.attention_heads
        _check_equal(heads, outputs.teacher.attention_heads)
        chunks = _chunks(outputs)
        pairs = (chunks.mask.unsqueeze(1) & chunks.mask.unsqueeze(2)).unsqueeze(1)
        terms = []
        for layers in _attention(outputs, self.layers, "chunk-attention.layers"):
            ours, theirs = (
                _scores(*(_by_head(chunks, pool.average(layer[role].float()), heads) for role in (0, 1)))
                for pool, layer in zip((chunks.student, chunks.teacher), layers, strict=True)
            )
            terms.append(((ours - theirs).square() * pairs).sum() / (pairs.sum() * heads).clamp(min=1))
        return torch.stack(terms).mean()

    def check(self, student: Shape, teacher: Shape) -> None:
        """Check before any training what a call checks; errors are the same."""
        _check_equal(_attention_heads(student), _attention_heads(teacher))
        layer_pairs(self.layers, student.layers, teacher.layers, "chunk-attention.layers", first=1)


def _attention_heads(shape: Shape) -> int:
    """Return how many heads a layer has; 0 if layers differ."""
    found = set(shape.heads_by_layer)
    return found.pop() if len(found) == 1 else 0


def _check_equal(student: int, teacher: int) -> None:
    if student != teacher or not student:
        raise ConfigError(
            f"losses.chunk-attention: student and teacher must have as many heads (got {student} and {teacher}); "
            "chunk-relations compares any numbers"
        )


def _check_divides(heads: int, width: int) -> None:
    if width % heads:
        raise ConfigError(f"losses.chunk-relations.heads: {heads} heads do not divide the width {width}")


def _chunks(outputs: StepOutputs) -> Chunks:
    assert outputs.alignment is not None
    assert outputs.alignment.chunks is not None
    return outputs.alignment.chunks


def _attention(outputs: StepOutputs, layers: Layers, key: str) -> list[tuple[Tensor, Tensor]]:
    """Return (3, tokens, width) queries, keys and values of mapped layers, student and teacher."""
    ours, theirs = outputs.student.attention, outputs.teacher.attention
    pairs = layer_pairs(layers, len(ours), len(theirs), key, first=1)
    return [(ours[student - 1], theirs[teacher - 1]) for student, teacher in pairs]


def _by_head(chunks: Chunks, states: Tensor, heads: int) -> Tensor:
    """(chunks, width) as (batch, heads, longest, width / heads)."""
    width = states.shape[-1]
    _check_divides(heads, width)
    laid = chunks.lay_out(states)
    return laid.view(*laid.shape[:2], heads, width // heads).transpose(1, 2)


def _scores(queries: Tensor, keys: Tensor) -> Tensor:
    """(batch, heads, longest, longest)."""
    return queries @ keys.transpose(-1, -2) / math.sqrt(queries.shape[-1])


def _relation(states: Tensor, chunks: Chunks) -> Tensor:
    """(batch, heads, longest, longest) log-probabilities over the chunks of the same example."""
    absent = ~chunks.mask[:, None, None, :]
    return functional.log_softmax(_scores(states, states).masked_fill(absent, _NEVER), dim=-1)


def _divergence(student: Tensor, teacher: Tensor, chunks: Chunks) -> Tensor:
    kl = (teacher.exp() * (teacher - student)).sum(dim=-1) * chunks.mask.unsqueeze(1)
    return kl.sum() / (chunks.mask.sum() * student.shape[1]).clamp(min=1)
