import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.corpora.errors import DataError
from finkd.record_files import digest, record_text
from finkd.records import VERSION, Resources, RunRecord, StageRecord, load_records
from finkd.runtimes.record import FILE as BENCHMARK
from finkd.runtimes.record import load_benchmark
from finkd.scores import Counts, NerScores, figures, total
from finkd.suites.record import TaskRecord

COUNTS = st.builds(Counts, correct=st.integers(0, 50), predicted=st.integers(50, 99), gold=st.integers(50, 99))
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
SCORES = st.builds(
    NerScores,
    per_type=st.dictionaries(NAMES, COUNTS, max_size=3),
    names_only=st.none() | COUNTS,
    unseen=st.none() | COUNTS,
    per_document=st.dictionaries(NAMES, COUNTS, max_size=3),
    words=st.integers(0, 999),
    uncovered_words=st.integers(0, 9),
)
STAGES = st.builds(
    StageRecord,
    kind=NAMES,
    key=NAMES,
    config=st.dictionaries(NAMES, st.integers() | NAMES),
    seconds=st.floats(0, 1e6),
    tokens=st.integers(0, 10**9),
    cached=st.booleans(),
)


def record(**changes):
    names = {"experiment": "toy", "system": "student", "role": "student", "strategy": "finetune"}
    scores = NerScores({"ORG": Counts(1, 2, 4), "PER": Counts(0, 0, 0)})
    return RunRecord(**{**names, "corpus": "sample", "split": "test", "seed": 1, "scores": scores, **changes})


@given(SCORES, st.lists(STAGES, max_size=2).map(tuple))
def test_a_saved_record_comes_back_equal(tmp_path_factory, scores, lineage):
    path = tmp_path_factory.mktemp("records") / "a.record.json"
    written = record(scores=scores, lineage=lineage, resources=Resources(3, 2, 1, {"p50": 0.5}, None, True))
    written.save(path)
    assert RunRecord.load(path) == written


def test_the_same_record_is_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        record().save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_scores_follow_from_counts():
    counts = Counts(1, 2, 4)
    assert (counts.precision, counts.recall, counts.f1) == (0.5, 0.25, pytest.approx(1 / 3))
    assert (Counts(0, 0, 5).recall, Counts(0, 0, 5).f1, Counts(0, 5, 0).precision, Counts(0, 5, 0).f1) == (0, 0, 0, 0)
    assert Counts(0, 0, 5).precision is None
    assert Counts(0, 5, 0).recall is None
    assert Counts(0, 0, 0).f1 is None
    assert total([counts, Counts(1, 1, 1)]) == Counts(2, 3, 5)
    assert total([]) == Counts(0, 0, 0)


def test_macro_leaves_out_types_that_gold_does_not_hold():
    scores = NerScores({"ORG": Counts(1, 1, 1), "PER": Counts(0, 1, 1), "LOC": Counts(0, 3, 0)})
    assert scores.macro_f1 == 0.5
    assert NerScores({"ORG": Counts(0, 1, 0)}).macro_f1 is None
    assert NerScores({}).macro_f1 is None
    assert scores.micro == Counts(1, 5, 2)
    shares = {"precision": 0.2, "recall": 0.5, "f1": pytest.approx(2 / 7)}
    assert figures(scores)["micro"] == {**shares, **vars(scores.micro)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not a run record"),
        ("[]", "not a run record"),
        ('"text"', "not a run record"),
        ("{}", f"version None, expected {VERSION}; remove it and run the experiment again"),
        ('{"version": 1}', f"version 1, expected {VERSION}; remove it and run the experiment again"),
        (f'{{"version": {VERSION}}}', "run record without a digest, .*; remove it and run the experiment again"),
        (
            json.dumps({"version": VERSION, "digest": digest({"version": VERSION})}),
            "damaged run record .*seed: missing",
        ),
        ("[" * 100_000, "not a run record"),
        ("\ufffd\x00", "not a run record"),
    ],
)
def test_garbage_is_named(tmp_path, content, message):
    path = tmp_path / "bad.record.json"
    path.write_text(content)
    with pytest.raises(DataError, match=rf"bad\.record\.json: .*{message}"):
        RunRecord.load(path)


def damaged(path, *keys, value):
    raw = json.loads(path.read_text())
    place = raw
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    del raw["digest"]
    path.write_text(json.dumps({**raw, "digest": digest(raw)}))


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("seed",), "one", "seed: input should be a valid integer"),
        (("scores", "per_type", "ORG", "gold"), None, "scores.per_type.ORG.gold: input should be a valid integer"),
        (("scores", "per_type"), [1], "scores.per_type: input should be a valid dictionary"),
        (("scores",), "none", "scores: "),
        (("lineage",), [{"kind": "finetune"}], "lineage.0.key: missing"),
        (("colour",), "blue", "colour: unknown setting"),
    ],
)
def test_a_damaged_value_is_named_by_its_place(tmp_path, keys, value, message):
    path = tmp_path / "a.record.json"
    record().save(path)
    damaged(path, *keys, value=value)
    with pytest.raises(DataError, match=message) as caught:
        RunRecord.load(path)
    assert "\n" not in str(caught.value)


def test_a_digit_that_was_edited_is_noticed(tmp_path):
    path = tmp_path / "a.record.json"
    record(overlap=0.125).save(path)
    path.write_text(path.read_text().replace("0.125", "0.126"))
    with pytest.raises(
        DataError,
        match=r"a\.record\.json: run record was changed after it was written \(digest 'sha256:.*', content 'sha256:"
        r".*'\); restore the file, or remove it and run the experiment again$",
    ):
        RunRecord.load(path)


@given(SCORES, st.lists(STAGES, max_size=2).map(tuple), st.data())
def test_no_value_can_be_changed_removed_or_added(tmp_path_factory, scores, lineage, data):
    path = tmp_path_factory.mktemp("records") / "a.record.json"
    record(scores=scores, lineage=lineage).save(path)
    raw = json.loads(path.read_text())
    place = data.draw(st.sampled_from([each for each in objects_of(raw) if each]))
    key = data.draw(st.sampled_from(list(place)))
    change = data.draw(st.sampled_from(["value", "remove", "add"]))
    if change == "remove":
        del place[key]
    else:
        place[key if change == "value" else f"{key} "] = [place[key]]
    path.write_text(json.dumps(raw))
    with pytest.raises(DataError, match=r"a\.record\.json: "):
        RunRecord.load(path)


def objects_of(value):
    """All JSON objects within a value."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects_of(each)


def test_the_layout_of_the_file_and_the_order_of_keys_are_free(tmp_path):
    path = tmp_path / "a.record.json"
    written = record(environment={"processor": "é", "share": 1e-07, "torch": "2"})
    written.save(path)
    raw = json.loads(path.read_text())
    path.write_text(json.dumps(dict(sorted(raw.items())), indent=4, ensure_ascii=False), encoding="utf-8")
    assert RunRecord.load(path) == written


def test_the_digest_is_that_of_canonical_json():
    content = b'{"a":[1,0.5,null],"b":"\\u00e9"}'
    assert digest({"b": "é", "a": (1, 0.5, None)}) == f"sha256:{hashlib.sha256(content).hexdigest()}"


KINDS = {
    "records.jsonl": (RunRecord.load, "x.record.json"),
    "tasks.jsonl": (TaskRecord.load, "x.task.json"),
    BENCHMARK: (load_benchmark, BENCHMARK),
}
DOCS = Path(__file__).parents[2] / "docs"


def test_every_record_in_the_tree_is_whole():
    files = [path for name in KINDS for path in DOCS.rglob(name)]
    texts = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(texts) >= 644
    for text in texts:
        raw = json.loads(text)
        assert raw.pop("digest") == digest(raw)
    assert not [*DOCS.rglob("*.record.json"), *DOCS.rglob("*.task.json")]  # one file for each experiment instead


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_record_notices_a_change(tmp_path, name):
    load, file = KINDS[name]
    raw = json.loads(next(DOCS.rglob(name)).read_text(encoding="utf-8").partition("\n")[0])
    path = tmp_path / file
    for changed in ({**raw, "system": "another"}, {**raw, "seed": 7}, {**raw, "digest": f"sha256:{'0' * 64}"}):
        path.write_text(json.dumps(changed))
        with pytest.raises(DataError, match="was changed after it was written"):
            load(path)
    del raw["digest"]
    path.write_text(json.dumps(raw))
    with pytest.raises(DataError, match="without a digest"):
        load(path)


def test_records_are_found_below_folders_in_a_fixed_order(tmp_path):
    for index, (system, seed) in enumerate([("b", 2), ("a", 2), ("b", 1), ("a", 1)]):
        record(system=system, seed=seed).save(tmp_path / str(index) / "x.record.json")
    (tmp_path / "other.json").write_text("{}")
    found = [(each.system, each.seed) for each in load_records([tmp_path])]
    assert found == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    assert record(system="a").id == "toy/sample/a/seed-1"


def test_records_in_lines_are_read_like_files_of_their_own(tmp_path):
    records = [record(system=system, seed=seed) for system in ("a", "b") for seed in (1, 2)]
    path = tmp_path / "records.jsonl"
    path.write_text("".join(map(record_text, records)), encoding="utf-8")
    assert load_records([tmp_path]) == load_records([path]) == records
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"seed": 2', '"seed": 3', 1), encoding="utf-8")
    with pytest.raises(DataError, match=r"records.jsonl:2: run record was changed after it was written"):
        load_records([tmp_path])
    path.write_text(text[:-20], encoding="utf-8")
    with pytest.raises(DataError, match=r"records.jsonl:4: not a run record"):
        load_records([path])


def test_no_records_and_missing_files_are_errors(tmp_path):
    with pytest.raises(DataError, match="no run records"):
        load_records([tmp_path])
    with pytest.raises(DataError, match="not a run record"):
        load_records([tmp_path / "gone.record.json"])
