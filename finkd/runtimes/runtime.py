"""A tagger that is ready to run."""

from __future__ import annotations

from dataclasses import dataclass

from finkd.evaluation import Tagger


@dataclass(frozen=True)
class Running:
    """A tagger in one of the ways to run it.

    Attributes:
        tagger: tags words.
        bytes: of its weights as they are held, or of the file that holds them.
    """

    tagger: Tagger
    bytes: int
