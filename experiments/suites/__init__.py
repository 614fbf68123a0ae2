"""Suites of general tasks that ``finkd evaluate --suite`` runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from finkd.corpora.registry import Registry

if TYPE_CHECKING:  # listing the names must not import torch
    from finkd.experiments.suites.request import Request
    from finkd.suites.record import TaskRecord

suites: Registry[Callable[[Request], list[TaskRecord]]] = Registry(
    "suites",
    {
        "glue": ("finkd.experiments.suites.texts:glue", "the nine tasks of GLUE, fine-tuned or distilled"),
        "sst2": (
            "finkd.experiments.suites.texts:sst2",
            "SST-2: fine-tuned, frozen, untrained, and classic classifiers",
        ),
        "squad": ("finkd.experiments.suites.squad:squad", "answers to questions on a paragraph: exact match and F1"),
        "summarization": (
            "finkd.experiments.suites.summarization:summarization",
            "summaries of dialogues: prompted and fine-tuned writers in few bits, and baselines",
        ),
        "inference": (
            "finkd.experiments.suites.inference:inference",
            "time of one pass over the development set of STS-B at batch 1",
        ),
        "imdb": ("finkd.experiments.suites.texts:imdb", "sentiment of reviews of several hundred words"),
    },
)
