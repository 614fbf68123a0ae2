"""Map the student's layers to the teacher's."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from finkd.corpora.errors import ConfigError

Layers = Annotated[tuple[tuple[int, int], ...], Field(min_length=1)] | Literal["even", "last"]
"""Pairs (student layer, teacher layer), layers counted from 1 and 0 being the embeddings; ``"even"`` maps the student's
layers evenly, last to last (TinyBERT's uniform map), and ``"last"`` only the last ones."""


def layer_pairs(layers: Layers, student: int, teacher: int, key: str, first: int = 0) -> tuple[tuple[int, int], ...]:
    """Return the mapped layers.

    With 3 and 6 layers the even map is (0, 0), (1, 2), (2, 4), (3, 6); halves are rounded up.

    Args:
        layers: as configured.
        student: how many layers the student has.
        teacher: how many the teacher has.
        key: the setting, for messages.
        first: 1 where the embeddings have nothing to compare.

    Raises:
        ConfigError: if a mapped layer does not exist.
    """
    if layers == "even":
        return tuple(
            (layer, max(first, (2 * layer * teacher + student) // (2 * student))) for layer in range(first, student + 1)
        )
    if layers == "last":
        return ((student, teacher),)
    for pair in layers:
        if not (first <= pair[0] <= student and first <= pair[1] <= teacher):
            raise ConfigError(
                f"losses.{key}: expected pairs within ({first}..{student}, {first}..{teacher}) (got {list(pair)})"
            )
    return layers
