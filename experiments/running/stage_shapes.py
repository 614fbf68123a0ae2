"""What stages do to the shape of an encoder, and which of them cannot follow others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import singledispatch
from statistics import mean

import torch

from finkd.compression.low_rank import Size, beyond_rank_one, check_smaller, ranks_alike
from finkd.compression.pruning import kept
from finkd.compression.sharing import check_shareable, rank_by_budget
from finkd.corpora.errors import ConfigError
from finkd.corpora.wording import counted
from finkd.execution import lineage
from finkd.experiments.running.shapes import Shape, encoder
from finkd.models import pretrained
from finkd.models.layer_overrides import Slim, check_family
from finkd.models.layer_parts import LINEARS
from finkd.models.loading import Abilities, abilities, read_head
from finkd.models.truncation import every_other
from finkd.settings import shown
from finkd.stages.decompose import Decompose
from finkd.stages.factorize import Factorize
from finkd.stages.prune import Prune
from finkd.stages.quantize import Quantize
from finkd.stages.replace_vocabulary import ReplaceVocabulary
from finkd.stages.sparsify import Sparsify
from finkd.stages.stage import Head
from finkd.stages.tensorize import Tensorize
from finkd.stages.tie_layers import Share
from finkd.stages.truncate_layers import TruncateLayers
from finkd.strategies import Step
from finkd.tokenization.tokenizer import Tokenizer

_SHAPED = (Decompose, Factorize, Prune, Quantize, Share, TruncateLayers, Sparsify, Tensorize)
"""Stages that depend on the sizes of a model."""
_LAYERED = (Quantize, TruncateLayers, Sparsify)
"""Stages that ask for the layers of a model and are not refused by ``finkd.models.layer_overrides.check_family``."""
_WITHOUT_MASKED_HEAD = ("electra",)
"""Architectures that stages make, for which finkd has no masked-LM head."""


def check(steps: Iterable[Step], shape: Shape, head: Head) -> None:
    """See that every stage of a strategy can follow those before it, as far as that is known without the weights.

    Args:
        steps: the stages.
        shape: of the model that they begin with.
        head: what that model scores.

    Raises:
        ConfigError: if one cannot.
    """
    for step in steps:
        _check_head(step, head)
        if step.stage.head == "words" and shape.family in _WITHOUT_MASKED_HEAD:
            raise ConfigError(f"{step.name}: cannot train the masked-LM head of a model of the family {shape.family!r}")
        shape = after(step.stage, shape)
        head = lineage.head([step], head)


def check_order(
    steps: Sequence[Step], model: str, labels: Sequence[str] | None = None, *, is_scored: bool = False
) -> None:
    """See that the stages of a strategy can follow one another and suit the model that they begin with.

    Args:
        steps: the stages.
        model: its name or folder; its weights are not read.
        labels: of the corpus, if there is one.
        is_scored: whether what they end in is scored on the corpus.

    Raises:
        ConfigError: if one cannot.
    """
    folder = pretrained.resolve(model)
    head = read_head(model)
    can = abilities(folder)
    _check_abilities(steps, can)
    if head == "labels" and labels is not None and can.labels != tuple(labels):
        _check_labels(steps, can, labels, is_scored)
    if any(isinstance(step.stage, _SHAPED) for step in steps):
        check(steps, encoder(folder), head)


def _check_abilities(steps: Sequence[Step], can: Abilities) -> None:
    """See that the first model's architecture and the tokenizers are fit for the stages."""
    has_mask, is_first_family = can.has_mask, True
    for step in steps:
        stage = step.stage
        if isinstance(stage, _LAYERED) and can.layers:
            raise ConfigError(f"{step.name}: {can.layers}")
        if isinstance(stage, ReplaceVocabulary):
            # A vocabulary from scratch has all special tokens; a changed one has those that it had.
            has_mask = has_mask if stage.start != "scratch" else not stage.tokenizer or _has_mask(stage.tokenizer)
        if stage.head == "words" and is_first_family and can.masked_head:
            raise ConfigError(f"{step.name}: {can.masked_head}")
        if stage.head == "words" and not has_mask:
            raise ConfigError(f"{step.name}: the tokenizer has no mask token, which masked-LM needs")
        if isinstance(stage, Factorize) or (isinstance(stage, TruncateLayers) and not stage.token_types):
            is_first_family = False


def _has_mask(folder: str) -> bool:
    return "mask" in Tokenizer.load(folder).special_ids


def _check_labels(steps: Sequence[Step], can: Abilities, labels: Sequence[str], is_scored: bool) -> None:
    """Refuse a first model that scores other labels, unless its head is replaced before it is used."""
    decides = next((step.stage.head for step in steps if step.stage.head != "kept"), "labels" if is_scored else "kept")
    if decides == "labels":
        raise ConfigError(
            f"the model's labels ({shown(', '.join(can.labels))}) do not match the corpus "
            f"({shown(', '.join(labels))}); start from an encoder without a head, or choose the corpus that it was "
            "trained for"
        )


def _check_head(step: Step, head: Head) -> None:
    stage = step.stage
    if isinstance(stage, Factorize) and head == "words":
        raise ConfigError("compress:factorize: needs a BERT encoder or tagger (got one with a masked-LM head)")
    asks = ""
    if isinstance(stage, Prune) and stage.by == "taylor":
        asks = ".by=taylor"
    elif isinstance(stage, Quantize) and stage.by == "hessian":
        asks = ".by=hessian"
    elif isinstance(stage, Quantize | Sparsify) and stage.schedule.epochs > 0:
        asks = ".schedule"
    if asks and head != "labels":
        raise ConfigError(f"{step.name}{asks}: asks the loss of a tagger of a labelled corpus; put finetune before")


@singledispatch
def after(stage: object, shape: Shape) -> Shape:
    """Shape of a model after a stage.

    Raises:
        ConfigError: if the stage cannot do its work on a model of this shape.
    """
    return shape


@after.register
def _shrunk(stage: TruncateLayers, shape: Shape) -> Shape:
    layers = stage.layers or every_other(shape.layers)
    if layers[-1] >= shape.layers:
        raise ConfigError(f"truncate-layers.layers: expected numbers from 0 to {shape.layers - 1} (got {list(layers)})")
    shape = _of_layers(shape, layers)
    if stage.width is not None:
        shape = _narrower(shape, stage.width)
    return shape if stage.token_types else _without_token_types(shape)


@after.register
def _factorized(stage: Factorize, shape: Shape) -> Shape:
    if shape.family != "bert":
        raise ConfigError(f"compress:factorize: needs a BERT encoder or tagger (got {shape.family!r})")
    if not 2 <= stage.rank < shape.width:
        limits = f"2 to {shape.width - 1}, less than the encoder's width"
        raise ConfigError(f"compress:factorize.rank: expected {limits} (got {stage.rank})")
    return shape.cut(rank=stage.rank, family="electra")


@after.register
def _retokenized(stage: ReplaceVocabulary, shape: Shape) -> Shape:
    return shape if stage.tokenizer or stage.start == "grow" else shape.cut(entries=stage.size)


@after.register
def _pruned(stage: Prune, shape: Shape) -> Shape:
    _slim(shape).check_whole("prune before that")
    if stage.what == "layers":
        count = max(1, round(shape.layers * (1 - stage.fraction)))
        # Only the weights tell which go; with those of the middle gone, layers that may differ still do.
        return _of_layers(shape, [*range(count - count // 2), *range(shape.layers - count // 2, shape.layers)])
    check_family(shape.family)
    if stage.what == "heads":
        return replace(shape, slim=replace(_slim(shape), heads=_left(_heads(shape), stage)))
    units = _left(_units(shape), stage)
    slim = replace(_slim(shape), units=units if len(set(units)) > 1 else ())
    return shape.cut(intermediate=round(mean(units)), slim=slim)


@after.register
def _decomposed(stage: Decompose, shape: Shape) -> Shape:
    _slim(shape).check_whole("decompose whole ones")
    check_family(shape.family)
    sizes = matrices(shape)
    if stage.budget is not None:
        beyond_rank_one(sizes.values(), stage.budget)
    # Of a budget or an energy only the weights tell the ranks: 1 stands for whatever they will be.
    ranks = dict.fromkeys(sizes, 1) if stage.rank is None else ranks_alike(sizes, stage.rank)
    check_smaller(ranks)
    return replace(shape, slim=replace(_slim(shape), ranks=ranks))


@after.register
def _tensorized(stage: Tensorize, shape: Shape) -> Shape:
    slim, sizes = _slim(shape), matrices(shape)
    slim.check_whole("decompose whole ones")
    slim.check_alike("compress:tensorize", shape.layers)
    check_family(shape.family)
    stacks = {name: torch.empty(shape.layers, *sizes[f"0.{name}"], device="meta") for name in LINEARS}
    stacked = {name: (rank_by_budget(stack, stage.method, stage.budget),) for name, stack in stacks.items()}
    return replace(shape, slim=replace(slim, stacked=stacked))


@after.register
def _shared(stage: Share, shape: Shape) -> Shape:
    check_shareable(_slim(shape), shape.layers, stage.what, stage.start)
    check_family(shape.family)
    return replace(shape, slim=replace(_slim(shape), shared=stage.what))


def matrices(shape: Shape) -> dict[str, Size]:
    """Sizes of the matrices of all layers, before any is of low rank, by ``"layer.matrix"``."""
    found: dict[str, Size] = {}
    for layer, (heads, units) in enumerate(zip(_heads(shape), _units(shape), strict=True)):
        attention, feed_forward = (heads * shape.width // shape.heads, shape.width), (units, shape.width)
        sizes = (*[attention] * 3, attention[::-1], feed_forward, feed_forward[::-1])
        found |= {f"{layer}.{name}": size for name, size in zip(LINEARS, sizes, strict=True)}
    return found


def _slim(shape: Shape) -> Slim:
    return shape.slim or Slim()


def _heads(shape: Shape) -> tuple[int, ...]:
    return _slim(shape).heads or (shape.heads,) * shape.layers


def _units(shape: Shape) -> tuple[int, ...]:
    return _slim(shape).units or (shape.intermediate,) * shape.layers


def _left(counts: Sequence[int], stage: Prune) -> tuple[int, ...]:
    """How many parts each layer keeps; by the scope of the model, where only the weights tell, the first ones most."""
    importance = [torch.full((count,), -float(layer)) for layer, count in enumerate(counts)]
    return tuple(map(len, kept(importance, stage.fraction, stage.scope)))


def _of_layers(shape: Shape, layers: Sequence[int]) -> Shape:
    return shape.cut(layers=len(layers), slim=_slim(shape).of_layers(layers))


def _narrower(shape: Shape, width: int) -> Shape:
    if _slim(shape) != Slim():
        raise ConfigError("truncate-layers.width: the layers are slim already; shrink before compress")
    if width >= shape.width or width % shape.heads:
        raise ConfigError(
            f"truncate-layers.width: expected a multiple of the {counted(shape.heads, 'head')} that is less than "
            f"{shape.width} (got {width})"
        )
    return shape.cut(width=width, rank=width, intermediate=shape.intermediate * width // shape.width)


def _without_token_types(shape: Shape) -> Shape:
    if _slim(shape) != Slim():
        raise ConfigError("truncate-layers.token_types: the layers are slim already; shrink before compress")
    if shape.family not in ("bert", "distilbert"):
        raise ConfigError(f"truncate-layers.token_types: only a BERT can do without (got {shape.family!r})")
    return replace(shape, family="distilbert")
