"""Run records as a table for analysis with pandas."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from finkd.records import Counts, RunRecord, load_records


def records_frame(records: Iterable[RunRecord | Path | str]) -> pd.DataFrame:
    """Return run records as a data frame, a row for each system and seed.

    Scores lie between 0 and 1; what a record does not hold is missing (``NaN``). Columns:

    - of the record: ``experiment``, ``system``, ``role``, ``strategy``, ``corpus``, ``split``, ``seed``, ``overlap``,
      ``sample``;
    - scores: ``f1``, ``precision``, ``recall``, ``macro_f1``, ``f1_unseen``, ``f1_names``, ``f1_TYPE`` for each entity
      type, ``f1_SPLIT`` for each extra split;
    - resources: ``parameters``, ``bytes``, ``latency_ms_p50``, ``words_per_second``, ``peak_memory``;
    - costs: ``tokens`` and ``seconds`` of all stages.

    Args:
        records: records, or files and folders that hold them.

    Returns:
        the frame, in the order of experiment, corpus, system and seed where records were read from files.

    Raises:
        DataError: if a file is no record, or a folder holds none.

    Example:
        >>> import finkd
        >>> frame = finkd.records_frame(["records"])
        >>> frame.groupby("system")["f1"].agg(["mean", "count"]).round(3).to_dict("index")
        {'student': {'mean': 0.75, 'count': 2}, 'teacher': {'mean': 0.85, 'count': 2}}
    """
    found: list[RunRecord] = []
    for each in records:
        found += [each] if isinstance(each, RunRecord) else load_records([Path(each)])
    return pd.DataFrame([_row(record) for record in found])


def _row(record: RunRecord) -> dict[str, Any]:
    scores, resources = record.scores, record.resources
    row: dict[str, Any] = {
        name: getattr(record, name)
        for name in ("experiment", "system", "role", "strategy", "corpus", "split", "seed", "overlap", "sample")
    }
    row |= {name: getattr(scores.micro, name) for name in ("f1", "precision", "recall")}
    row |= {"macro_f1": scores.macro_f1, "f1_unseen": _f1(scores.unseen), "f1_names": _f1(scores.names_only)}
    row |= {f"f1_{name}": counts.f1 for name, counts in scores.per_type.items()}
    row |= {f"f1_{split}": extra.micro.f1 for split, extra in record.extra_splits.items()}
    row |= {"parameters": resources.parameters, "bytes": resources.bytes}
    row |= {"latency_ms_p50": resources.latency_ms.get("p50"), "words_per_second": resources.words_per_second}
    row |= {"peak_memory": resources.peak_memory}
    stages = [*record.lineage, *record.teachers]
    return row | {name: sum(getattr(stage, name) for stage in stages) for name in ("tokens", "seconds")}


def _f1(counts: Counts | None) -> float | None:
    return None if counts is None else counts.f1
