"""A tagger that is ready to run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finkd.corpora.sentence import Sentence
from finkd.inference.tagger import Tagger, Tags, predict

Reads = Callable[[Sequence[Sentence]], Tags]
"""From sentences to an IOB2 tag for each word."""


@dataclass(frozen=True)
class Running:
    """A tagger in one of the ways to run it.

    Attributes:
        tagger: tags words.
        bytes: of its weights as they are held, or of the file that holds them.
    """

    tagger: Tagger
    bytes: int

    def read(self, sentences: Sequence[Sentence]) -> Tags:
        """An IOB2 tag for each word."""
        return predict(sentences, self.tagger)[0]
