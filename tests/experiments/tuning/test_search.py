"""What is varied, and what is wrong with it before a study begins."""

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.corpora.errors import ConfigError
from finkd.experiments.tuning.search import Between, OneOf, load_plan
from finkd.strategies.parsing import parse


def changed(tuned, **search):
    return {**tuned, "search": {**tuned["search"], **search}}


def test_the_first_values_are_the_configurations_own(tuned, config_of):
    plan = load_plan(config_of(tuned))
    assert plan.defaults() == {
        "systems.student.strategy": "truncate-layers > finetune",
        "stages.truncate-layers.layers": [1],
        "stages.finetune.schedule.learning_rate": "1e-2",
        "stages.replace-vocabulary.size": 90,
    }
    assert plan.system == "student"
    assert set(plan.settings["systems"]) == {"teacher", "student"}


def test_the_teacher_stays_what_it_is_whatever_is_varied(tuned, config_of):
    plan = load_plan(config_of(tuned))
    one, two = (plan.trial({"stages.finetune.schedule.learning_rate": rate}) for rate in (1e-3, 1e-1))
    taught = [parse(each.systems["teacher"].strategy, each.stages) for each in (one, two)]
    assert taught[0] == taught[1] == parse("finetune", tuned["stages"])
    assert parse("finetune", one.stages) != parse("finetune", two.stages)


def test_a_trial_has_the_values_drawn_and_scores_nothing_beside(tuned, config_of):
    plan = load_plan(config_of({**tuned, "extra_splits": ["test"], "baselines": ["dictionary"], "measure": 64}))
    trial = optuna.trial.FixedTrial(
        {
            "systems.student.strategy": "truncate-layers > replace-vocabulary > finetune",
            "stages.truncate-layers.layers": "[0]",
            "stages.finetune.schedule.learning_rate": 0.05,
            "stages.replace-vocabulary.size": 100,
        }
    )
    experiment = plan.trial(plan.drawn(trial))
    assert experiment.stages["truncate-layers"]["layers"] == [0]
    assert experiment.stages["finetune"]["schedule"]["learning_rate"] == 0.05
    assert experiment.stages["finetune"]["schedule"]["epochs"] == 6
    assert experiment.stages["replace-vocabulary"]["size"] == 100
    assert experiment.systems["student"].strategy == "truncate-layers > replace-vocabulary > finetune"
    assert (experiment.extra_splits, experiment.baselines, experiment.measure) == ((), (), 0)


def test_a_trial_has_nothing_to_be_compared_with(tuned, config_of):
    systems = {**tuned["systems"], "other": {"strategy": "truncate-layers > finetune"}}
    search = {**tuned["search"], "system": "student"}
    plan = load_plan(config_of({**tuned, "systems": systems, "search": search, "reference": "other"}))
    assert plan.trial({}).reference is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": {}}, r"search\.space: "),
        ({"space": {"stages.finetune.schedule.epoch": {"low": 1, "high": 2}}}, "the configuration has no such setting"),
        ({"space": {"stages.replace-vocabulary.size": {"low": 100, "high": 200}}}, r"own value .* \(got 90\)"),
        ({"space": {"stages.truncate-layers.layers": {"choices": [[0]]}}}, r"own value .* \(got \[1\]\)"),
        ({"space": {"stages.replace-vocabulary.size": {"low": 100, "high": 80}}}, "expected low < high"),
        ({"space": {"stages.replace-vocabulary.size": {"low": 0, "high": 80, "log": True}}}, "needs a low above 0"),
        (
            {"space": {"stages.replace-vocabulary.size": {"low": 10, "high": 80, "step": 0}}},
            "step: expected a number above 0",
        ),
        ({"space": {"stages.replace-vocabulary.size": {"lo": 10, "high": 80}}}, "lo"),
        ({"space": {"split": {"choices": ["validation", "test"]}}}, r"search\.space\.split: cannot be varied"),
        ({"space": {"systems.teacher.strategy": {"choices": ["finetune"]}}}, "cannot be varied"),
        ({"goals": ["f1", "latency"]}, "measure: the goal 'latency' needs timed queries"),
        ({"goals": ["accuracy"]}, r"search\.goals"),
        ({"sampler": "grid"}, r"search\.sampler"),
        ({"system": "teacher"}, r"search\.system: expected one of the students \(student; got 'teacher'\)"),
        ({"seeds": []}, r"search\.seeds"),
        (None, "nothing to tune; add a section 'search'"),
    ],
)
def test_mistakes_are_named(change, message, tuned, config_of):
    with pytest.raises(ConfigError, match=message):
        load_plan(config_of({**tuned, "search": None} if change is None else changed(tuned, **change)))
    with pytest.raises(ConfigError, match="split: what is chosen on the test split"):
        load_plan(config_of({**tuned, "split": "test"}))
    with pytest.raises(ConfigError, match="split: systems learn from train"):
        load_plan(config_of({**tuned, "split": "train"}))
    with pytest.raises(ConfigError, match="split: what is chosen on the published-test split"):
        load_plan(config_of({**tuned, "corpus": "fire", "split": "published-test"}))


def test_of_two_students_one_must_be_named(tuned, config_of):
    systems = {**tuned["systems"], "other": {"strategy": "finetune"}}
    with pytest.raises(ConfigError, match=r"search\.system: expected one of the students \(student, other; got None\)"):
        load_plan(config_of({**tuned, "systems": systems}))
    named = changed({**tuned, "systems": systems}, system="other", space={"precision": {"choices": ["fp32", "bf16"]}})
    assert load_plan(config_of(named)).system == "other"


@given(st.integers(-5, 5), st.integers(1, 10), st.integers(-20, 20))
def test_a_range_knows_its_values(low, length, value):
    values = Between(low, low + length)
    if low <= value <= low + length:
        assert values.parameter(value) == value
    else:
        with pytest.raises(ValueError, match="none of the values"):
            values.parameter(value)
    assert values.parameter(str(low)) == low
    drawn = values.drawn(optuna.trial.FixedTrial({"x": low + length}), "x")
    assert isinstance(drawn, int)


@pytest.mark.parametrize("choices", [[[1], [0]], ["a", "b"], [1, None, True, 1.0], [{"a": 1}]])
def test_any_value_can_be_a_choice(choices):
    values = OneOf(tuple(choices))
    for choice in choices:
        parameter = values.parameter(choice)
        assert values.drawn(optuna.trial.FixedTrial({"x": parameter}), "x") == choice
    with pytest.raises(ValueError, match="none of the values"):
        values.parameter("other")


@pytest.mark.parametrize(
    ("values", "own", "drawn"),
    [
        (Between(0, 0.2), 0.1, 0.1),
        (Between(1, 4.5), "2.5", 2.5),
        (Between(1, 4), 3.0, 3),
        (Between(90, 110, step=10), 100, 100),
        (Between(1e-4, 1e-2, log=True), "1e-3", 1e-3),
        (OneOf((None, 192)), None, None),
    ],
)
def test_the_configurations_own_value_is_tried_as_it_is(values, own, drawn):
    assert values.drawn(optuna.trial.FixedTrial({"x": values.parameter(own)}), "x") == drawn


@pytest.mark.parametrize(
    ("values", "own"), [(Between(1, 4), 2.5), (Between(90, 110, step=10), 95), (OneOf((1,)), True)]
)
def test_what_lies_between_the_values_is_none_of_them(values, own):
    with pytest.raises(ValueError, match="none of the values"):
        values.parameter(own)
