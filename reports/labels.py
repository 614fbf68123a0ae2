"""Where labels of points go in a picture: pure geometry, in any unit, without a drawing library."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Box:
    """An upright rectangle; ``x0 <= x1`` and ``y0 <= y1``."""

    x0: float
    y0: float
    x1: float
    y1: float

    @classmethod
    def around(cls, x: float, y: float, width: float, height: float) -> Box:
        """The box of a size with its centre at a point."""
        return cls(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    @property
    def centre(self) -> tuple[float, float]:
        """The middle."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """The point of this box that lies nearest to another point."""
        return min(max(x, self.x0), self.x1), min(max(y, self.y0), self.y1)

    def overlap(self, other: Box) -> float:
        """Area that both boxes cover."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(width, 0.0) * max(height, 0.0)

    def outside(self, frame: Box) -> float:
        """Area of this box that leaves ``frame``."""
        return (self.x1 - self.x0) * (self.y1 - self.y0) - self.overlap(frame)


@dataclass(frozen=True)
class Anchor:
    """A round mark that wants a label of some size.

    Attributes:
        x: centre of the mark.
        y: centre of the mark.
        radius: radius of the mark.
        width: width of its label.
        height: height of its label.
    """

    x: float
    y: float
    radius: float
    width: float
    height: float


def place(anchors: Sequence[Anchor], frame: Box, blocked: Iterable[Box] = (), gap: float = 4.0) -> list[Box]:
    """A box for each label, as near to its mark as the marks, the ``blocked`` boxes and earlier labels allow.

    Places on rings around the mark are tried from near to far; the first one that is free and inside ``frame`` is
    taken, or else the one that covers least. The answer depends on nothing but the arguments.
    """
    marks = [Box.around(anchor.x, anchor.y, 2 * anchor.radius, 2 * anchor.radius) for anchor in anchors]
    taken = [*marks, *blocked]
    placed = []
    for anchor in anchors:
        best, least = None, math.inf
        for box in _candidates(anchor, gap):
            cost = box.outside(frame) + sum(box.overlap(other) for other in taken)
            if cost < least - 1e-6:
                best, least = box, cost
            if cost <= 1e-6:
                break
        assert best is not None  # there are always candidates
        placed.append(best)
        taken.append(best)
    return placed


def spread_out(positions: Sequence[float], distance: float) -> list[float]:
    """Positions moved as little as needed, upwards in their own order, to lie at least ``distance`` apart."""
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    moved = list(positions)
    for before, after in pairwise(order):
        moved[after] = max(moved[after], moved[before] + distance)
    return moved


def _candidates(anchor: Anchor, gap: float) -> Iterable[Box]:
    for ring in range(12):
        for step in range(16):
            angle = 2 * math.pi * step / 16
            reach = anchor.radius + gap + ring * anchor.height / 2
            x = anchor.x + math.cos(angle) * (reach + anchor.width / 2)
            y = anchor.y + math.sin(angle) * (reach + anchor.height / 2)
            yield Box.around(x, y, anchor.width, anchor.height)
