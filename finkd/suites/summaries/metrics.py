"""ROUGE and BLEU by the libraries of published results."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU

ROUGE = ("rouge1", "rouge2", "rougeL", "rougeLsum")
METRICS = (*ROUGE, "bleu")


def summary_metrics(written: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Return scores between 0 and 1.

    ROUGE is the F-measure with Porter's stemmer, averaged over the references of each text and over texts; BLEU is
    sacrebleu's corpus score against all references.

    Args:
        written: one summary per text.
        references: the reference summaries of each text, equally many for all.
    """
    scorer = RougeScorer(list(ROUGE), use_stemmer=True)
    found: dict[str, list[float]] = {name: [] for name in ROUGE}
    for summary, right in zip(written, references, strict=True):
        each = [scorer.score(reference, summary) for reference in right]
        for name in ROUGE:
            found[name].append(statistics.fmean(score[name].fmeasure for score in each))
    streams = [[right[place] for right in references] for place in range(min(map(len, references)))]
    bleu = BLEU().corpus_score(list(written), streams).score / 100
    return {**{name: statistics.fmean(values) for name, values in found.items()}, "bleu": bleu}
