"""One budget for every strategy."""

import json

import pytest
import yaml

from finkd.corpora.errors import ConfigError
from finkd.experiments.configuration.budget import TOKENS_PER_WORD, Budget, within
from finkd.strategies.parsing import parse
from tests.experiments.conftest import TRAIN

pytestmark = pytest.mark.slow

SIZES = {"gold": (100, 10.0), "text": (300, 20.0)}  # 1,300 and 7,800 tokens
STRATEGY = "adapt(epochs=1) > truncate-layers > adapt(epochs=2, batch_tokens=100) > finetune(epochs=3, batch_tokens=50)"
SETTINGS = {"adapt": {"schedule": {}}, "finetune": {"schedule": {}}}


def schedules(budget):
    text = STRATEGY.replace("epochs", "schedule.epochs").replace("batch_tokens", "schedule.batch_tokens")
    steps = within(parse(text, SETTINGS), budget, SIZES.__getitem__)
    return [getattr(step.stage, "schedule", None) for step in steps]


@pytest.mark.parametrize("tokens", [1000, 39_000])
def test_stages_share_tokens_as_their_schedules_do(tokens):
    teacher, none, adapt, finetune = schedules(Budget(tokens=tokens))
    assert (teacher.epochs, none) == (1, None)
    assert 7800 * adapt.epochs + 1300 * finetune.epochs == pytest.approx(tokens)
    assert adapt.epochs / finetune.epochs == pytest.approx(2 / 3)


def test_stages_share_steps_as_their_schedules_do():
    _, _, adapt, finetune = schedules(Budget(steps=77))
    assert 7800 * adapt.epochs / 100 + 1300 * finetune.epochs / 50 == pytest.approx(77)
    assert adapt.epochs / finetune.epochs == pytest.approx(2 / 3)


def test_stages_share_the_clock_by_their_tokens():
    teacher, _, adapt, finetune = schedules(Budget(seconds=39))
    assert teacher.seconds is None
    assert adapt.seconds + finetune.seconds == pytest.approx(39)
    assert adapt.seconds / finetune.seconds == pytest.approx(15_600 / 3_900)
    assert adapt.epochs > 2  # until the clock stops it


def test_selected_text_is_smaller_and_text_with_copies_larger():
    read = "task-distill:text > task-distill:text(augment.copies=2) > finetune"
    strategy = f"select(keep=0.5) > truncate-layers > {read}"
    *_, text, copied, gold = within(parse(strategy, {}), Budget(tokens=1000), SIZES.__getitem__)
    sizes = [(text, 3900), (copied, 3 * 3900), (gold, 1300)]
    assert sum(tokens * step.stage.schedule.epochs for step, tokens in sizes) == pytest.approx(1000)


@pytest.mark.parametrize("budget", [{}, {"tokens": 1, "steps": 1}])
def test_a_budget_is_one_of_three(budget):
    with pytest.raises(ConfigError, match="expected one of tokens, steps and seconds"):
        Budget(**budget)


def test_the_command_keeps_to_it(finkd, settings, tmp_path):
    config = tmp_path / "budget.yaml"
    config.write_text(yaml.safe_dump({**settings, "budget": {"tokens": 100}}))
    finkd("run", config, "--out", tmp_path / "out", code=0)
    lineages = {}
    for path in (tmp_path / "out" / "records").glob("*seed*.json"):
        record = json.loads(path.read_text())
        lineages[record["system"]] = record["lineage"]
    own = settings["stages"]["finetune"]["schedule"]["epochs"]
    assert lineages["teacher"][0]["config"]["schedule"]["epochs"] == own
    words = len([line for line in TRAIN.splitlines() if line])
    student = lineages["Domain student"][-1]
    assert student["config"]["schedule"]["epochs"] * words * TOKENS_PER_WORD == pytest.approx(100)
