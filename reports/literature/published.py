"""SelectedLogits that others have published, for a look beside the measured ones; never mixed with them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A published score.

    Attributes:
        corpus: finkd's name of the corpus.
        split: that was scored.
        system: as its authors call it.
        micro_f1: strict entity F1, between 0 and 1.
        source: key of the work in ``finkd.reports.literature``.
        remark: what a reader should know of it.
    """

    corpus: str
    split: str
    system: str
    micro_f1: float
    source: str
    remark: str = ""


_SEEDS = "mean of the authors' seed files, which differ by up to .13"

PUBLISHED = (
    Published("finer-ord", "test", "BERT-base", 0.679, "shah2023finer", _SEEDS),
    Published("finer-ord", "test", "FinBERT", 0.651, "shah2023finer", _SEEDS),
    Published("finer-ord", "test", "RoBERTa-base", 0.709, "shah2023finer", _SEEDS),
    Published("finer-ord", "test", "RoBERTa-large", 0.753, "shah2023finer", _SEEDS),
)
