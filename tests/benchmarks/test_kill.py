"""What the benchmark of kills compares: all of a record but for a list that is exact."""

import copy
import json

from benchmarks.kill import NOT_COMPARED, compared
from finkd.records import Resources, RunRecord, StageRecord
from finkd.scores import Counts, NerScores

SCORES = NerScores({"ORG": Counts(1, 2, 3)}, Counts(1, 1, 1), Counts(1, 1, 1), {"d": Counts(1, 1, 1)}, 5, 1)
STAGE = StageRecord("finetune", "key", {"seed": 1}, 1.5, 7, True, ((0.5, 1.25), (1.0, 0.75)), 9)
RECORD = RunRecord(
    *("experiment", "system", "student", "finetune", "corpus", "test", 1, SCORES),
    extra_splits={"validation": SCORES},
    resources=Resources(1, 1, 1, {"p50": 1.5}, 2.5, 1, True),
    lineage=(STAGE, STAGE),
    teachers=(STAGE,),
    vocabulary={"size": 90},
    corpora={"corpus": "hash"},
    config={"seeds": [1]},
    environment={"threads": 1},
    overlap=0.5,
    sample=True,
)


def leaves(value, at=()):
    """Every place in a JSON value that holds a plain value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is None:
        yield at
    else:
        for key, each in inner:
            yield from leaves(each, (*at, key))


def changed(record, place):
    """The record with another value in one place."""
    found = copy.deepcopy(record)
    inner = found
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = "other"
    return found


def test_the_list_of_what_is_not_compared_is_exact(tmp_path):
    RECORD.save(tmp_path / "record.json")
    record = json.loads((tmp_path / "record.json").read_text())
    places = list(leaves(record))
    assert len(places) > 60
    same = {place for place in places if compared(changed(record, place)) == compared(record)}
    assert {".".join("*" if isinstance(key, int) else key for key in place) for place in same} == set(NOT_COMPARED)
