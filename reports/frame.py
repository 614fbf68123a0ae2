"""Run records as a table for analysis with pandas."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from finkd.records import RunRecord, load_records
from finkd.scores import Counts


def records_frame(records: Iterable[RunRecord | Path | str]) -> pd.DataFrame:
    """Return run records as a data frame, a row for each system and seed.

    Scores lie between 0 and 1; what a record does not hold is missing (``NaN``). Columns:

    - of the record: ``experiment``, ``system``, ``role``, ``strategy``, ``corpus``, ``split``, ``seed``, ``overlap``,
      ``sample``;
    - scores: ``f1``, ``precision``, ``recall``, ``macro_f1``, ``f1_unseen``, ``f1_names``, ``f1_TYPE`` for each entity
      type, ``f1_SPLIT`` for each extra split;
    - ``calibration_error``, ``chance_calibration_error``, ``mean_score``, and ``precision_of_surest_half`` of the
      predicted entities, where entities have scores;
    - resources: ``parameters``, ``bytes``, ``latency_ms_p50`` and the other percentiles, ``words_per_second``,
      ``peak_memory``, ``embedding_share`` (of the parameters), ``machine_busy``;
    - costs: ``tokens`` and ``seconds`` of all stages, ``training_seconds`` of those that are not a teacher's;
    - ``vocabulary_FIGURE`` for each number that is known of the vocabulary, such as ``vocabulary_size``.

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
    stages = [*record.lineage, *record.teachers]
    row: dict[str, Any] = {
        name: getattr(record, name)
        for name in ("experiment", "system", "role", "strategy", "corpus", "split", "seed", "overlap", "sample")
    }
    row |= {name: getattr(scores.micro, name) for name in ("f1", "precision", "recall")}
    row |= {"macro_f1": scores.macro_f1, "f1_unseen": _f1(scores.unseen), "f1_names": _f1(scores.names_only)}
    row |= {name: getattr(scores, name) for name in ("calibration_error", "chance_calibration_error", "mean_score")}
    row |= {"precision_of_surest_half": scores.precision_of_surest(0.5)}
    row |= {"latency_ms_p50": None, **{f"latency_ms_{name}": value for name, value in resources.latency_ms.items()}}
    row |= {name: getattr(resources, name) for name in ("parameters", "bytes", "words_per_second", "peak_memory")}
    row |= {"embedding_share": _ratio(resources.embedding_parameters, resources.parameters)}
    row |= {"machine_busy": resources.machine_busy}
    row |= {name: sum(getattr(stage, name) for stage in stages) for name in ("tokens", "seconds")}
    row |= {"training_seconds": sum(stage.seconds for stage in record.lineage) if record.lineage else None}
    named = {f"f1_{name}": counts.f1 for name, counts in scores.per_type.items()}
    named |= {f"f1_{split}": extra.micro.f1 for split, extra in record.extra_splits.items()}
    named |= {f"vocabulary_{name}": value for name, value in record.vocabulary.items() if _is_number(value)}
    found = row | named | row  # a type or a split of a user's corpus must not hide another figure
    return {_storable(name): math.nan if value is None else _storable(value) for name, value in found.items()}


def _storable(value: Any) -> Any:
    """Replace lone surrogates in text, which columns of strings cannot hold."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def _f1(counts: Counts | None) -> float | None:
    return None if counts is None else counts.f1


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
