"""What stages do to the shape of an encoder."""

from __future__ import annotations

from corpora.errors import ConfigError
from experiments.shapes import Shape
from finkd.stages.factorize import Factorize
from finkd.stages.prune import Prune
from finkd.stages.retokenize import Retokenize
from finkd.stages.shrink import Shrink
from finkd.stages.stage import Stage
from finkd.students import every_other


def after(stage: Stage, shape: Shape) -> Shape:
    """Shape of a model after a stage.

    Raises:
        ConfigError: if the stage cannot do its work on a model of this shape.
    """
    if isinstance(stage, Shrink):
        layers = stage.layers or every_other(shape.layers)
        if layers[-1] >= shape.layers:
            raise ConfigError(f"layers: expected numbers from 0 to {shape.layers - 1} (got {list(layers)})")
        shape = shape.cut(layers=len(layers))
        return shape if stage.width is None else _narrower(shape, stage.width)
    if isinstance(stage, Factorize):
        if not 2 <= stage.rank < shape.width:
            limits = f"2 to {shape.width - 1}, less than the encoder's width"
            raise ConfigError(f"rank: expected {limits} (got {stage.rank})")
        return shape.cut(rank=stage.rank)
    if isinstance(stage, Prune) and stage.what == "layers":
        return shape.cut(layers=max(1, round(shape.layers * (1 - stage.share))))
    if isinstance(stage, Prune) and stage.what == "units":
        return shape.cut(intermediate=max(1, round(shape.intermediate * (1 - stage.share))))
    if isinstance(stage, Retokenize) and not stage.tokenizer and stage.start != "grow":
        return shape.cut(entries=stage.size)
    return shape


def _narrower(shape: Shape, width: int) -> Shape:
    if width >= shape.width or width % shape.heads:
        raise ConfigError(
            f"width: expected a multiple of the {shape.heads} heads that is less than {shape.width} (got {width})"
        )
    return shape.cut(width=width, rank=width, intermediate=shape.intermediate * width // shape.width)
