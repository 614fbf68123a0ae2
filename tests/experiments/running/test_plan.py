"""What ``finkd run --dry-run`` says before anything is computed."""

import json
import shutil

import pytest
import yaml

pytestmark = pytest.mark.slow

STUDENT = ["truncate-layers", "replace-vocabulary", "task-distill:gold"]


def rows(finkd, *arguments):
    result = finkd("run", *arguments, "--dry-run", "--json", code=0)
    return json.loads(result.stdout)


def test_a_plan_names_every_stage_and_writes_nothing(finkd, config, tmp_path):
    found = rows(finkd, config, "--out", tmp_path / "out", "--seeds", "1,2")
    assert [(row["seed"], row["stage"]) for row in found] == [
        (seed, stage) for seed in (1, 2) for stage in ("finetune", *STUDENT)
    ]
    assert not list(tmp_path.iterdir())


def test_what_several_systems_or_seeds_need_is_computed_once(finkd, settings, tmp_path):
    config = tmp_path / "two.yaml"
    more = {**settings["systems"], "other": {"strategy": "truncate-layers > replace-vocabulary > finetune"}}
    config.write_text(yaml.safe_dump({**settings, "systems": more}))
    state = {(row["system"], row["stage"]): row["state"] for row in rows(finkd, config, "--out", tmp_path / "out")}
    assert state["Domain student", "truncate-layers"] == "to do"
    assert state["other", "truncate-layers"] == state["other", "replace-vocabulary"] == "shared"
    assert state["other", "finetune"] == "to do"


def test_what_is_stored_costs_nothing(finkd, config, finished):
    before = rows(finkd, config, "--out", finished, "--seeds", "1,2")
    assert {row["state"] for row in before if row["seed"] == 1} == {"stored"}
    trained = [row for row in before if row["seconds"]]
    assert [(row["seed"], row["stage"]) for row in trained] == [(2, "finetune"), (2, "task-distill:gold")]


def test_people_get_lines_with_times(finkd, config, tmp_path):
    result = finkd("run", config, "--out", tmp_path / "out", "--dry-run")
    lines = result.stdout.splitlines()
    assert lines[0] == "teacher (seed 1)"
    assert lines[1].split() == ["finetune", "to", "do,", "about", "0", "s"]
    assert "4 of 4 stages are to do: about 0 s" in result.stderr


def test_a_time_limit_bounds_the_estimate(finkd, config, tmp_path):
    long = ("--set", "stages.finetune.schedule.epochs=1000000000")
    (teacher, *_) = rows(finkd, config, "--out", tmp_path / "out", *long)
    assert teacher["seconds"] > 60
    limited = ("--set", "stages.finetune.schedule.seconds=60")
    (teacher, *_) = rows(finkd, config, "--out", tmp_path / "out", *long, *limited)
    assert teacher["seconds"] == 60


def test_it_tells_how_much_is_written(finkd, config, tmp_path):
    found = rows(finkd, config, "--out", tmp_path / "out")
    assert all(row["disk"] > 4 * 10_000 for row in found)
    kept = ("--set", "stages.task-distill.cache_teacher_outputs={}")
    states = ("--set", "stages.task-distill.losses={word-logits-kl: {}, aligned-hidden-states: {}}")
    sizes = {
        value: rows(finkd, config, "--out", tmp_path / "out", *states, kept[0], kept[1].format(value))[-1]["disk"]
        for value in ("false", "int8", "true")
    }
    assert sizes["true"] - sizes["false"] > 1.5 * (sizes["int8"] - sizes["false"]) > 0


def test_a_teacher_labels_a_text_once_for_all_students(finkd, settings, tmp_path):
    config = tmp_path / "two.yaml"
    strategy = "truncate-layers(layers=[{}]) > task-distill:gold(losses={{word-logits-kl: {{}}}})"
    students = {name: {"strategy": strategy.format(layer)} for name, layer in (("one", 0), ("two", 1))}
    teachers = {name: system for name, system in settings["systems"].items() if system.get("role") == "teacher"}
    config.write_text(yaml.safe_dump({**settings, "systems": {**teachers, **students}}))
    *_, one, _, two = rows(finkd, config, "--out", tmp_path / "out")
    assert (one["stage"], two["stage"]) == ("task-distill:gold", "task-distill:gold")
    assert one["disk"] > two["disk"]
    assert one["bytes"] > two["bytes"]  # the second one does not read the teacher


def test_members_in_turn_cost_what_one_member_costs(finkd, settings, tmp_path):
    def memory(teachers, members):
        teacher = [{"system": "teacher", "seed": seed} for seed in range(teachers)]
        strategy = f"truncate-layers > task-distill:text(members={members}, losses={{word-logits-kl: {{}}}})"
        systems = {"teacher": settings["systems"]["teacher"], "student": {"strategy": strategy, "teacher": teacher}}
        config = tmp_path / f"{teachers}-{members}.yaml"
        text = {"corpus": "sample-text", "sentences": 50}
        config.write_text(yaml.safe_dump({**settings, "text": text, "systems": systems}))
        return rows(finkd, config, "--out", tmp_path / "out")[-1]["bytes"]

    assert memory(2, "in-turn") == memory(3, "in-turn") < memory(2, "all") < memory(3, "all")


def test_a_run_that_would_fill_the_disk_is_refused(finkd, config, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr("finkd.experiments.running.plan.shutil.disk_usage", lambda path: usage)
    result = finkd("run", config, "--out", tmp_path / "out" / "toy", code=1)
    assert "this run would write about 0.0 GB and 0.0 GB are free; choose another --out" in result.stderr
    assert not (tmp_path / "out" / "toy" / "experiment.json").exists()
