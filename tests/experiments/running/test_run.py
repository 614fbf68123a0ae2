"""``finkd run`` from the configuration to the report, with a toy teacher and a toy corpus."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmarks.kill import result as all_but_clock
from finkd.corpora.files import folder_lock, sha256
from finkd.experiments.console.progress import ProgressLines
from finkd.records import load_records
from finkd.store import MANIFEST

pytestmark = pytest.mark.slow

STUDENT = "domain-student-seed-1"


def scores(out):
    return {record.id: record.scores for record in load_records([out / "records"])}


def weights(out):
    return {path.parent.name: path.read_bytes() for path in sorted(out.rglob("model.safetensors"))}


def test_a_run_writes_its_report_its_records_and_its_models(first_run):
    out, result = first_run
    assert result.exit_code == 0, result.stderr
    for name in ("report.html", "results.md", "results.tex", "results.csv", "experiment.json"):
        assert (out / name).stat().st_size > 0
    records = load_records([out / "records"])
    assert [(r.system, r.role) for r in records] == [
        ("Domain student", "student"),
        ("dictionary", "baseline"),
        ("teacher", "teacher"),
    ]
    assert {path.name for path in (out / "models").iterdir()} == {"teacher-seed-1", STUDENT}
    assert not (out / "models" / STUDENT / MANIFEST).exists()
    assert (out / "models" / STUDENT / "model.safetensors").stat().st_nlink == 2  # shared with the store
    assert result.stdout.startswith("**Results: toy on")
    assert "teacher (seed 1): micro-F1" in result.stderr


def test_records_hold_what_a_report_needs(finished):
    record = next(r for r in load_records([finished / "records"]) if r.role == "student")
    assert record.strategy == "truncate-layers > replace-vocabulary > task-distill:gold"
    assert [stage.cached for stage in record.lineage] == [False] * 3
    assert sum(counts.gold for counts in record.scores.per_type.values()) == 3
    assert record.vocabulary["size"] <= 90
    assert record.resources.latency_ms == {}
    assert list(record.config["systems"]) == ["teacher", "Domain student"]
    assert record.config["stages"]["finetune"]["schedule"]["learning_rate"] == "1e-2"
    assert record.lineage[-1].config["schedule"]["learning_rate"] == 0.01


def test_a_second_run_takes_everything_from_the_store(finkd, config, copied):
    before, table = scores(copied), (copied / "results.md").read_bytes()
    finkd("run", config, "--out", copied, code=0)
    trained = [r for r in load_records([copied / "records"]) if r.role != "baseline"]
    assert all(stage.cached for record in trained for stage in record.lineage)
    assert scores(copied) == before
    assert (copied / "results.md").read_bytes() == table


def test_other_splits_are_scored_beside_it(finkd, settings, tmp_path):
    for split in ("train", "test"):
        shutil.copy(f"{settings['corpus']}/{split}.conll", tmp_path)
    (tmp_path / "validation.conll").write_text("Acme B-ORG\nlent O\n\nSachs B-ORG\nagree O\n")
    config = tmp_path / "extra_splits.yaml"
    config.write_text(yaml.safe_dump({**settings, "corpus": str(tmp_path), "extra_splits": ["validation"]}))
    result = finkd("run", config, "--out", tmp_path / "out")
    assert "Micro-F1, validation" in result.stdout
    for record in load_records([tmp_path / "out" / "records"]):
        assert record.extra_splits["validation"].micro.gold == 2
        assert record.scores.micro.gold == 3


def test_a_command_that_is_killed_goes_on_where_it_was(finkd, config, finished, tmp_path, monkeypatch):
    class KilledError(BaseException):
        pass

    def kill(listener, event):
        steps.append(event.progress.step if event.progress else 0)
        if steps.count(3) == 2:  # in the second training
            raise KilledError

    steps = []
    with monkeypatch.context() as patched:
        patched.setattr(ProgressLines, "__call__", kill)
        with pytest.raises(KilledError):
            finkd("run", config, "--out", tmp_path / "out", "--checkpoint-seconds", "0")
    result = finkd("run", config, "--out", tmp_path / "out")
    assert "Domain student (seed 1) task-distill:gold: step 3/" in result.stderr
    assert "step 2/" not in result.stderr
    assert weights(tmp_path / "out") == weights(finished)
    assert all_but_clock(tmp_path / "out") == all_but_clock(finished)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(finkd, config, finished, tmp_path):
    finkd("run", config, "--out", tmp_path / "again", "--seeds", "1,2", code=0)
    again = weights(tmp_path / "again")
    assert again.items() >= weights(finished).items()
    assert again["teacher-seed-2"] != again["teacher-seed-1"]


def test_seeds_of_later_runs_join_the_report(finkd, config, copied):
    finkd("run", config, "--out", copied, "--seeds", "2", code=0)
    assert len(load_records([copied / "records"])) == 6
    assert json.loads((copied / "experiment.json").read_text())["seeds"] == [1, 2]
    assert "(seeds 1, 2)" in (copied / "results.md").read_text()


def test_a_folder_in_use_is_refused(finkd, config, tmp_path):
    with folder_lock(tmp_path / "toy"):
        result = finkd("run", config, "--out", tmp_path / "toy")
    assert result.exit_code == 1
    assert "in use by another finkd run" in result.stderr


def test_what_a_killed_run_had_half_published_goes(finkd, config, copied):
    half = copied / "models" / ".teacher-seed-1.finkd-01234567"
    half.mkdir()
    (copied / "models" / ".git").mkdir()
    finkd("run", config, "--out", copied, code=0)
    assert not half.exists()
    assert (copied / "models" / ".git").is_dir()
    assert (copied / "models" / "teacher-seed-1").is_dir()


def test_a_full_disk_while_models_are_published_loses_nothing(finkd, config, finished, tmp_path, monkeypatch):
    def full(*paths):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), paths[1])

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", full)
        patched.setattr(shutil, "copyfile", full)
        result = finkd("run", config, "--out", tmp_path / "out")
    assert result.exit_code == 1
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("finkd:"))
    assert line.endswith("No space left on device")
    again = finkd("run", config, "--out", tmp_path / "out", code=0)
    assert "task-distill:gold: begins" not in again.stderr
    assert weights(tmp_path / "out") == weights(finished)


@pytest.mark.parametrize(("jobs", "seeds", "sent"), [(1, "1", signal.SIGTERM), (2, "1,2", signal.SIGINT)])
def test_ctrl_c_and_sigterm_end_a_run_in_one_line_and_it_goes_on(jobs, seeds, sent, finkd, config, tmp_path):
    arguments = ["run", config, "--out", tmp_path / "out", "--seeds", seeds, "--checkpoint-seconds", "0"]
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program += "from tests.experiments.command import main; main()"
    command = [sys.executable, "-c", program, *map(str, arguments), "--jobs", str(jobs)]
    root = Path(__file__).parents[3]
    running = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True, start_new_session=True)
    seen = []
    for line in running.stderr:
        seen.append(line)
        if distilling := re.search(r"\((seed \d)\) task-distill\S* step", line):
            break
    os.killpg(running.pid, sent)  # to the whole group, as a terminal does
    seen += running.stderr.read().splitlines(keepends=True)
    assert running.wait(timeout=30) == 130
    assert seen[-1] == "finkd: interrupted; finished stages are kept, and the same command goes on from there\n"
    assert "Traceback" not in "".join(seen)
    result = finkd("run", config, "--out", tmp_path / "out", "--seeds", seeds, code=0)
    # With two jobs either seed may come first; what its student learns from is finished.
    assert f"teacher ({distilling[1]}) finetune: begins" not in result.stderr


def test_systems_may_be_added_to_a_folder_but_not_changed(finkd, config, copied):
    more = ("--set", "systems.Third={strategy: truncate-layers > finetune}", "--only", "Third")
    finkd("run", config, "--out", copied, *more, "--set", "reference=Domain student", code=0)
    records = load_records([copied / "records"])
    assert {record.system for record in records} == {"dictionary", "teacher", "Domain student", "Third"}
    assert "Third" in (copied / "results.md").read_text()
    for reference in ("Domain student", "null"):  # only reports read it
        settings = ("--only", "Domain student", "--set", f"reference={reference}")
        finkd("run", config, "--out", copied, *settings, code=0)
    again = finkd("run", config, "--out", copied, "--set", "systems.Domain student.strategy=finetune", code=2)
    assert "holds results of another configuration" in again.stderr


def test_an_unknown_system_is_refused(finkd, config, tmp_path):
    result = finkd("run", config, "--out", tmp_path / "toy", "--only", "domain student", code=2)
    assert "did you mean 'Domain student'" in result.stderr


@pytest.mark.parametrize("damage", ["cut", "deleted", "changed"])
def test_a_damaged_result_in_the_store_is_named_and_computed_again(damage, finkd, config, copied, caplog):
    # Folders of the store and of the run may share files by hard links; the copy does not.
    expected = weights(copied)
    store = copied.parent / "store"
    target = next(e for e in store.iterdir() if (e / "model.safetensors").exists() and _is_last_stage(e, copied))
    path = target / "model.safetensors"
    raw = path.read_bytes()
    if damage == "deleted":
        path.unlink()
    else:
        path.write_bytes(raw[:-100] if damage == "cut" else raw[:-1] + bytes([raw[-1] ^ 1]))
    finkd("run", config, "--out", copied, code=0)
    assert f"{target}: model.safetensors" in caplog.text
    assert "computed again" in caplog.text
    assert path.read_bytes() == raw
    assert weights(copied) == expected


def _is_last_stage(entry, out):
    return sha256(entry / "model.safetensors") == sha256(out / "models" / STUDENT / "model.safetensors")


def test_run_prints_json(finkd, config, copied):
    result = finkd("run", config, "--out", copied, "--json")
    shown = json.loads(result.stdout)
    assert [record["system"] for record in shown["records"]] == ["dictionary", "teacher", "Domain student"]
    assert set(shown["records"][0]["scores"]["micro"]) == {"precision", "recall", "f1", "correct", "predicted", "gold"}


def test_a_strategy_is_compared_with_the_finetuned_teacher(finkd, settings, tmp_path):
    overrides = [f"{key}={json.dumps(settings[key])}" for key in ("teacher", "precision", "measure", "stages")]
    arguments = [part for override in overrides for part in ("--set", override)]
    finkd(
        "run",
        "truncate-layers > finetune",
        "--corpus",
        settings["corpus"],
        "--out",
        tmp_path / "toy",
        *arguments,
        code=0,
    )
    strategies = {r.system: r.strategy for r in load_records([tmp_path / "toy" / "records"])}
    assert strategies == {"dictionary": "", "teacher": "finetune", "student": "truncate-layers > finetune"}


def test_measured_speeds_reach_the_record(finkd, config, copied, tmp_path):
    finkd("run", config, "--out", copied.parent / "timed", "--set", "measure=2", code=0)
    student = next(r for r in load_records([copied.parent / "timed" / "records"]) if r.role == "student")
    assert set(student.resources.latency_ms) == {"p10", "p25", "p50", "p75", "p90", "p99"}
    assert student.resources.words_per_second > 0


def test_a_stage_without_its_teacher_is_refused_before_any_work(finkd, settings, tmp_path):
    path = tmp_path / "alone.yaml"
    path.write_text(yaml.safe_dump({**settings, "systems": {"student": {"strategy": "task-distill:gold"}}}))
    result = finkd("run", path, "--out", tmp_path / "toy", code=2)
    assert "no system has the role 'teacher'" in result.stderr
    assert not (tmp_path / "store").exists()
