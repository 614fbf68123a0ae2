"""Tables of general tasks: each is a function from their records to a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from finkd.corpora.registry import Registry

if TYPE_CHECKING:
    from finkd.reports.table import Table
    from finkd.suites.record import TaskRecord

general: Registry[Callable[[Sequence[TaskRecord]], Table]] = Registry(
    "general",
    {
        "glue": ("finkd.reports.general.glue:glue", "GLUE: the score of each task, their average and its retention"),
        "glue-published": ("finkd.reports.general.glue:glue_published", "GLUE as others have published it"),
        "sst2": ("finkd.reports.general.sentiment:sst2", "SST-2: accuracy, precision, recall and F1 of each method"),
        "sst2-confusion": ("finkd.reports.general.sentiment:confusion", "SST-2: what was taken for what"),
        "sst2-agreement": ("finkd.reports.general.sentiment:agreement", "SST-2: how often two systems say the same"),
        "squad": ("finkd.reports.general.squad:squad", "SQuAD: exact match and F1, and their retention"),
        "summarization": (
            "finkd.reports.general.summarization:summarization",
            "summaries of dialogues: ROUGE and BLEU, size, memory and speed",
        ),
        "three-tasks": ("finkd.reports.general.distilbert:three_tasks", "what is kept on CoLA, MRPC and IMDb"),
        "kept": (
            "finkd.reports.general.kept:kept",
            "what students keep of their teacher over several tasks, with intervals",
        ),
        "encoders": (
            "finkd.reports.general.encoders:encoders",
            "how much smaller and faster encoders are than their teacher, and what they keep",
        ),
        "encoders-published": ("finkd.reports.general.encoders:encoders_published", "what papers claim of theirs"),
        "inference": ("finkd.reports.general.distilbert:inference", "size, and time of a pass over STS-B at batch 1"),
        "distilbert-published": (
            "finkd.reports.general.distilbert:distilbert_published",
            "DistilBERT and its reproductions as others have published them",
        ),
        "imdb": ("finkd.reports.general.sentiment:imdb", "IMDb: accuracy on long reviews, and its retention"),
    },
)
