"""``finkd store``: what is kept, whether it is whole, and what may go."""

import json
import os
import time

import pytest

from finkd.records import load_records
from finkd.store import Store


@pytest.fixture
def store(copied):
    """The store of a finished run, with its records beside it, free to be changed."""
    return copied.parent / "store"


def rows(finkd, store, *command):
    result = finkd("store", *command, "--store", store, "--json", code=0)
    return json.loads(result.stdout)


def test_entries_are_listed_with_what_they_hold(finkd, store):
    kinds = {row["kind"]: row["used"] for row in rows(finkd, store, "ls")}
    assert kinds == {
        **dict.fromkeys(("finetune", "truncate-layers", "replace-vocabulary", "task-distill:gold"), True),
        **dict.fromkeys(("examples", "teacher labels"), False),
    }
    shown = finkd("store", "ls", "--store", store)
    assert len(shown.stdout.splitlines()) == 7
    assert "7 entries, " in shown.stderr


def test_what_a_record_beside_its_model_names_is_used(finkd, store):
    (store.parent / "toy" / "records").rename(store.parent / "small")  # as 'finkd distill' writes them
    assert {row["kind"] for row in rows(finkd, store, "ls") if not row["used"]} == {"examples", "teacher labels"}


@pytest.mark.parametrize("name", ["old.record.json", "old.task.json"])
def test_a_record_of_an_earlier_version_is_named_and_nothing_is_removed(name, finkd, store):
    path = store.parent / "toy" / "records" / name
    path.write_text('{"version": 1}')
    shown = finkd("store", "ls", "--store", store, "--json", code=0)
    assert f"{path}: " in shown.stderr
    assert "of version 1" in shown.stderr
    assert sum(row["used"] for row in json.loads(shown.stdout)) == 4
    result = finkd("store", "gc", "--store", store, "--older-than", "0", code=1)
    assert "; remove it and " in result.stderr
    path.unlink()
    finkd("store", "gc", "--store", store, "--older-than", "0", code=0)


def test_damage_is_named(finkd, store):
    finkd("store", "verify", "--store", store, code=0)
    victim = next(store.glob("*/model.safetensors"))
    victim.write_bytes(victim.read_bytes()[:-1])
    result = finkd("store", "verify", "--store", store, code=1)
    assert f"{victim.parent}: model.safetensors does not match its checksum" in result.stderr
    assert "6 of 7 entries are whole" in result.stderr


def test_what_is_being_written_is_no_damage_and_stays(finkd, store):
    with Store(store).put("0" * 32, {}) as folder:
        result = finkd("store", "verify", "--store", store, code=0)
        assert "7 of 7 entries are whole" in result.stderr
        rows(finkd, store, "gc")
        assert folder.is_dir()


def test_what_a_killed_run_left_unfinished_goes(finkd, store):
    for command in ("verify", "gc"):
        half = store / f".{'0' * 32}.finkd-01234567"
        half.mkdir()
        turn = store / f".{'0' * 32}.turn"
        turn.touch()
        rows(finkd, store, command)
        assert not half.exists()
        assert not turn.exists()


@pytest.mark.parametrize("file", ["model.safetensors", "manifest.json"])
def test_what_is_damaged_is_removed_though_a_record_names_it(file, finkd, store):
    victim = next(row["key"] for row in rows(finkd, store, "ls") if row["kind"] == "truncate-layers")
    (store / victim / file).write_bytes(b"{}")
    assert [row["key"] for row in rows(finkd, store, "gc", "--dry-run")] == [victim]
    assert [row["key"] for row in rows(finkd, store, "gc")] == [victim]
    finkd("store", "verify", "--store", store, code=0)


def test_what_no_record_names_is_removed(finkd, store):
    half = store / f".{'0' * 32}.half"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"1234")
    expected = {"examples", "teacher labels", "unfinished"}
    assert {row["kind"] for row in rows(finkd, store, "gc", "--older-than", "0", "--dry-run")} == expected
    assert {row["kind"] for row in rows(finkd, store, "gc", "--older-than", "0")} == expected
    left = {row["key"] for row in rows(finkd, store, "ls")}
    records = load_records([store.parent / "toy" / "records"])
    assert left == {stage.key for record in records for stage in record.lineage}
    assert rows(finkd, store, "gc", "--older-than", "0") == []


def test_what_a_killed_run_could_go_on_from_stays_a_week(finkd, store):
    assert rows(finkd, store, "gc") == []
    labels, *_ = (row["key"] for row in rows(finkd, store, "ls") if not row["used"])
    eight_days_ago = time.time() - 8 * 86_400
    os.utime(store / labels, (eight_days_ago, eight_days_ago))
    assert [row["key"] for row in rows(finkd, store, "gc")] == [labels]


def test_nothing_is_removed_under_a_run(finkd, store):
    with Store(store).in_use():
        result = finkd("store", "gc", "--store", store, "--older-than", "0")
    assert result.exit_code == 1
    assert "in use by another finkd run" in result.stderr
    assert len(rows(finkd, store, "ls")) == 7


@pytest.mark.parametrize("command", ["ls", "verify", "gc"])
def test_a_store_that_is_not_there_is_said(finkd, command, tmp_path):
    result = finkd("store", command, "--store", tmp_path / "none", code=1)
    assert "there is no store; name one with --store" in result.stderr
    assert f"Example: finkd store {command}" in finkd("store", command, "--help").stdout


def test_folders_that_are_no_entries_stay(finkd, store):
    mine = store / "important" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("years of work")
    assert "important" not in {row["key"] for row in rows(finkd, store, "ls")}
    rows(finkd, store, "gc", "--older-than", "0")
    assert mine.read_text() == "years of work"


def test_a_folder_without_entries_is_no_store(finkd, store):
    result = finkd("store", "gc", "--store", store.parent, "--older-than", "0", code=1)
    assert "no entry of a store" in result.stderr
    assert (store.parent / "toy" / "results.md").exists()
