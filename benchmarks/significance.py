"""Count how often equal systems are called different: the share of false positives of finkd's significance test.

    python benchmarks/significance.py
    python benchmarks/significance.py --studies 20

A study draws the counts of two systems that are equally good. They differ in which documents are easy for them, and in
their trainings: each seed finds more or fewer entities everywhere. ``finkd.reports.bootstrap.compare`` tests them, and
two usual tests beside it: a bootstrap over documents alone, and Student's t over the F1 of the seeds. At level .05 a
test should be wrong in 5 % of the studies. Documents are the same for all seeds, or each seed has a fold of its own.
Prints one JSON line for each setting; seed noise is in standard errors of the documents.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from scipy import stats

from benchmarks.shared import options
from finkd.records import Resources, RunRecord
from finkd.reports import bootstrap
from finkd.scores import Counts, NerScores, total

HITS, OF_DOCUMENTS, GOLD = 0.75, 0.06, 25
"""Share of the entities that is found, its deviation between documents, and entities of a document."""


def run(system: str, seed: int, hits: np.ndarray, folds: int | None, draw: np.random.Generator) -> RunRecord:
    """Draw a record whose system finds a share of the entities of each document."""
    prefix = f"{seed} " if folds else ""
    right = draw.binomial(GOLD, np.clip(hits, 0, 1))
    counts = {f"{prefix}{number}": Counts(int(correct), GOLD, GOLD) for number, correct in enumerate(right)}
    return RunRecord(
        experiment="study",
        system=system,
        role="student",
        corpus="drawn",
        split="test",
        strategy="",
        seed=seed,
        scores=NerScores({"ORG": total(counts.values())}, per_document=counts),
        resources=Resources(),
        config={"cross_validation": folds} if folds else {},
    )


def study(seeds: int, documents: int, deviation: float, draw: np.random.Generator, *, apart: bool) -> dict[str, float]:
    """Draw two equal systems; return the p-value of each test."""
    each = documents // seeds if apart else documents
    count = seeds if apart else 1
    easy = draw.normal(0, OF_DOCUMENTS, (2, count, each))
    trained = draw.normal(0, deviation, (2, seeds))
    first, second = (
        [
            run(name, seed, HITS + easy[side, seed % count] + trained[side, seed], seeds if apart else None, draw)
            for seed in range(seeds)
        ]
        for side, name in enumerate(("a", "b"))
    )
    found = bootstrap.compare(first, second)
    assert found is not None
    noise, of_each = found.noise, found.noise.both / math.sqrt(seeds)
    differences = [(a.scores.micro.f1 or 0) - (b.scores.micro.f1 or 0) for a, b in zip(first, second, strict=True)]
    return {
        "finkd": found.p,
        "documents alone": 2 * float(stats.norm.sf(abs(found.difference) / math.hypot(noise.documents, of_each))),
        "t over seeds": float(stats.ttest_1samp(differences, 0).pvalue),
    }


def main() -> None:
    """Run all settings."""
    given = options(__doc__, studies=(400, "of each setting"), documents=60, draws=(1000, "of each bootstrap"))
    bootstrap.DRAWS = given.draws
    # The standard error that documents and the finding of single entities give a difference of two systems.
    error = np.sqrt(2 * (OF_DOCUMENTS**2 + HITS * (1 - HITS) / GOLD) / given.documents)
    for apart in (False, True):
        for seeds in (2, 3, 5):
            for noise in (0.0, 1.0, 2.0):
                draw = np.random.default_rng([seeds, int(10 * noise), apart])
                deviation = noise * error / np.sqrt(2)
                p_values = [study(seeds, given.documents, deviation, draw, apart=apart) for _ in range(given.studies)]
                wrong = {name: round(float(np.mean([p[name] < 0.05 for p in p_values])), 3) for name in p_values[0]}
                what = {"seeds": seeds, "documents": "a fold each" if apart else "the same", "seed noise": noise}
                sys.stdout.write(json.dumps({**what, **wrong}) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
