"""``finkd tune`` from the configuration to the best settings."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import optuna
import pytest
import yaml
from optuna.trial import TrialState
from optuna_dashboard import get_note

from finkd import corpora
from finkd.experiments.running.events import ignored
from finkd.experiments.tuning import storage
from finkd.experiments.tuning.addresses import default_url
from finkd.experiments.tuning.outcome import write_outcome
from finkd.experiments.tuning.search import load_plan
from finkd.experiments.tuning.study import begin
from finkd.experiments.tuning.trials import Trials, _Watch
from finkd.records import load_records
from finkd.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(finkd, tuned, tmp_path_factory):
    """The folder of a study of four trials, its configuration, and what the command showed."""
    folder = tmp_path_factory.mktemp("study")
    config = folder / "tuned.yaml"
    config.write_text(yaml.safe_dump(tuned, sort_keys=False))
    return folder / "out", config, finkd("tune", config, "--trials", "4", "--workers", "2", "--out", folder / "out")


def opened(out):
    return optuna.load_study(study_name="study", storage=storage.connect(default_url(out)))


def note_of(study, trial):
    return get_note(optuna.Trial(study, trial._trial_id))


def test_every_trial_is_shown_and_kept(study):
    out, _, result = study
    assert result.exit_code == 0, result.stderr
    shown = [line for line in result.stderr.splitlines() if line.startswith("trial ")]
    assert len(shown) == 4, shown
    trials = opened(out).get_trials()
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 4
    for trial in trials:
        (path,) = trial.user_attrs["records"]
        assert path == str(out / f"trial-{trial.number:04d}" / "records" / "student-seed-1.record.json")
        (record,) = load_records([Path(path)])
        assert record.scores.micro.f1 == trial.value
        assert record.split == "validation"


def test_stages_that_trials_share_are_computed_once(study):
    out, _, _ = study
    kinds = [entry.kind for entry in Store(out / "store").entries()]
    trained = [record for record in load_records([out]) if record.system == "teacher"]
    assert len(trained) == 4
    assert len({record.lineage[-1].key for record in trained}) == 1
    assert kinds.count("truncate-layers") <= 2


def test_a_trial_shows_its_table_and_its_learning_curve(study):
    out, _, _ = study
    trial = opened(out).get_trials()[0]
    note = note_of(opened(out), trial)
    assert "**Results: study on " in note
    assert "![How the training went](/artifacts/" in note
    curve = json.loads((out / "trial-0000" / "curve.json").read_text())
    assert curve["stages"] == ["truncate-layers", "finetune"]
    assert [place for _, place, _ in curve["scores"]][-1] == 2.0
    assert sorted(trial.intermediate_values) == [62, 75, 88, 100]
    assert (out / "trial-0000" / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_the_best_settings_are_a_configuration_that_gives_their_score(study, finkd):
    out, _, _ = study
    best = opened(out).best_trial
    result = finkd("run", out / "best.yaml", "--out", out / "best", "--json", code=0)
    (record,) = (r for r in json.loads(result.stdout)["records"] if r["system"] == "student")
    assert record["scores"]["micro"]["f1"] == best.value
    assert all(stage["cached"] for stage in record["stages"])


def test_gain_and_importance_are_tables(study):
    out, _, result = study
    gain = (out / "gain.md").read_text()
    assert "| Setting | Before | After |" in gain
    assert "4 trials carried out, 0 stopped early, 0 given up." in gain
    assert gain.strip() in result.stdout
    assert (out / "importance.csv").read_text().startswith("setting,f1\n")


def test_the_same_command_goes_on(study, finkd):
    out, config, _ = study
    before = (out / "gain.md").read_bytes()
    result = finkd("tune", config, "--trials", "4", "--out", out, "--json", code=0)
    assert str(out / "best.yaml") in json.loads(result.stdout)["written"]
    assert (out / "gain.md").read_bytes() == before
    other = finkd("tune", config, "--trials", "4", "--out", out, "--set", "search.sampler=random", code=2)
    assert "holds a study of this name with other settings" in other.stderr


def test_a_folder_with_another_studys_trials_is_refused(study, finkd, tmp_path):
    out, config, _ = study
    url = f"sqlite:///{tmp_path / 'other.db'}"
    result = finkd("tune", config, "--trials", "1", "--out", out, "--storage", url, code=2)
    assert "holds trials of another study" in result.stderr


class Sealed(Sequence):
    """Sentences that nobody may look at."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        raise AssertionError("the test split was looked at")


def trial_of(tuned, config_of, out):
    """The trials of a study and the study itself, in this process."""
    plan = load_plan(config_of(tuned))
    return Trials(plan, out, storage.artifacts(out)), begin(plan, storage.connect(default_url(out), create=True))


def test_the_test_split_is_never_seen(tuned, config_of, tmp_path, monkeypatch):
    real = corpora.load

    def sealed(*arguments):
        data = real(*arguments)
        assert data.fingerprint  # a checksum of the whole corpus is no look at it
        data.splits["test"] = Sealed()
        return data

    monkeypatch.setattr("finkd.corpora.load", sealed)
    trials, study = trial_of(tuned, config_of, tmp_path / "out")
    study.optimize(trials, 1)
    (trial,) = study.get_trials()
    assert trial.state == TrialState.COMPLETE
    with pytest.raises(AssertionError, match="was looked at"):
        list(corpora.load(tuned["corpus"], "IOB2").splits["test"])


def test_a_trial_that_is_worse_than_most_is_stopped(tuned, config_of, tmp_path, monkeypatch):
    monkeypatch.setattr(optuna.Trial, "should_prune", lambda trial: True)
    trials, study = trial_of(tuned, config_of, tmp_path / "out")
    study.optimize(trials, 1)
    (trial,) = study.get_trials()
    assert trial.state == TrialState.PRUNED
    assert len(trial.intermediate_values) == 1
    assert "![How the training went]" in note_of(study, trial)
    assert not list((tmp_path / "out").rglob("*.part-*"))


@pytest.mark.parametrize("after", ["", " > calibrate"])
def test_a_trial_is_stopped_in_the_last_stage_that_trains(after, tuned, config_of):
    space = {"stages.finetune.schedule.learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}}
    systems = {**tuned["systems"], "student": {"strategy": f"adapt:gold > finetune{after}"}}
    plan = load_plan(config_of({**tuned, "systems": systems, "search": {**tuned["search"], "space": space}}))
    trial = SimpleNamespace(number=0, report=lambda *_: None, should_prune=lambda: True)
    watch = _Watch(trial, plan.trial({}), plan, ignored)
    watch.curve.scores.append((1, 0.5, 0.01))
    watch.place = 0
    watch._judge(0.5, 0.01)
    watch.place = 1
    with pytest.raises(optuna.TrialPruned):
        watch._judge(1.5, 0.01)


def test_several_seeds_are_averaged(tuned, config_of, tmp_path):
    tuned = {**tuned, "search": {**tuned["search"], "seeds": [1, 2]}}
    trials, study = trial_of(tuned, config_of, tmp_path / "out")
    study.optimize(trials, 1)
    (trial,) = study.get_trials()
    found = [r.scores.micro.f1 for r in load_records([tmp_path / "out" / "trial-0000"]) if r.system == "student"]
    assert trial.value == pytest.approx(sum(found) / 2)
    assert max(trial.intermediate_values) == 200


def test_several_goals_have_a_front(tuned, finkd, config_of, tmp_path):
    goals = {"goals": ["f1", "latency", "size"], "sampler": "nsga2"}
    config = config_of({**tuned, "measure": 4, "search": {**tuned["search"], **goals}})
    finkd("tune", config, "--trials", "2", "--workers", "1", "--out", tmp_path / "out", code=0)
    study = opened(tmp_path / "out")
    assert study.metric_names == ["f1", "latency", "size"]
    for trial in study.best_trials:
        assert all(value > 0 for value in trial.values[1:])
        settings = yaml.safe_load((tmp_path / "out" / f"best-trial-{trial.number:04d}.yaml").read_text())
        assert settings["name"] == "study-best"
    assert "Size (MB)" in (tmp_path / "out" / "gain.md").read_text()


def test_settings_of_trials_that_left_the_front_go(tuned, config_of, tmp_path):
    key = "stages.finetune.schedule.learning_rate"
    search = {**tuned["search"], "space": {key: {"low": 1e-3, "high": 1e-1}}, "goals": ["f1", "size"]}
    plan = load_plan(config_of({**tuned, "search": search}))
    study = optuna.create_study(directions=["maximize", "minimize"])
    drawn = {"params": {key: 0.05}, "distributions": {key: optuna.distributions.FloatDistribution(1e-3, 1e-1)}}
    for values in ([0.5, 10], [0.8, 8]):
        study.add_trial(optuna.trial.create_trial(values=values, **drawn))
        write_outcome(plan, study, tmp_path)
    assert [path.name for path in tmp_path.glob("best*")] == ["best-trial-0001.yaml"]


def test_stages_of_a_teacher_that_is_made_on_the_way_are_not_the_students(tuned, config_of, tmp_path):
    strategy = "masked-teacher > truncate-layers > adapt > distill:gold(teacher=adapted-teacher) > finetune"
    quick = {"epochs": 1, "batch_tokens": 64}
    stages = {**tuned["stages"], "adapt": {"on": "gold", "schedule": quick}, "distill": {"schedule": quick}}
    systems = {**tuned["systems"], "student": {"strategy": strategy}}
    space = {"stages.finetune.schedule.learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}}
    search = {**tuned["search"], "space": space, "prune": True}
    tuned = {**tuned, "stages": stages, "systems": systems, "search": search}
    trials, study = trial_of(tuned, config_of, tmp_path / "out")
    study.optimize(trials, 1)
    (trial,) = study.get_trials()
    assert trial.state == TrialState.COMPLETE
    curve = json.loads((tmp_path / "out" / "trial-0000" / "curve.json").read_text())
    assert {math.ceil(place) for _, place, _ in curve["losses"]} == {1, 3, 4, 5}
    assert sorted(trial.intermediate_values) == [85, 90, 95, 100]


def test_how_far_a_student_is_compressed_is_tuned_and_where_in_the_order(tuned, config_of, tmp_path):
    orders = [
        "truncate-layers > finetune > compress:prune",
        "compress:decompose(rank=1, read=weights) > truncate-layers > finetune",
    ]
    space = {
        "stages.compress:prune.fraction": {"low": 0.2, "high": 0.6},
        "systems.student.strategy": {"choices": orders},
    }
    tuned = {
        **tuned,
        "stages": {**tuned["stages"], "compress:prune": {"fraction": 0.2}},
        "systems": {**tuned["systems"], "student": {"strategy": orders[0]}},
        "search": {**tuned["search"], "space": space, "goals": ["f1", "size"], "sampler": "random"},
    }
    trials, study = trial_of(tuned, config_of, tmp_path)
    for strategy in orders:  # after the file's own values
        study.enqueue_trial({"stages.compress:prune.fraction": 0.6, "systems.student.strategy": strategy})
    study.optimize(trials, 3)
    sizes = [trial.values[1] for trial in study.get_trials()]
    assert sizes[1] < sizes[0]
    assert len(set(sizes)) == 3
