"""What every recipe of loss terms owes: a new one is tested by its registry line alone."""

import pytest

from finkd.corpora.errors import ConfigError, UnknownNameError
from finkd.execution.lineage import addresses
from finkd.losses import build_terms, recipes
from finkd.losses.term import Requirement
from finkd.stages.distill import Distill
from finkd.stages.task_distill import TaskDistill
from finkd.strategies.parsing import parse
from tests.finkd.toys import context


def accepts(stage):
    try:
        return bool(stage.terms())
    except ConfigError:
        return False


@pytest.mark.parametrize("name", list(recipes))
def test_it_is_made_of_known_terms_and_names_its_source(name):
    recipe = recipes.get(name)
    assert len(build_terms(name, Requirement.NONE, "")) == len(recipe.losses) > 0
    assert len(recipe.source) > 5


@pytest.mark.parametrize("name", list(recipes))
def test_the_stages_that_its_summary_names_take_it(name):
    summary = recipes.entries()[name].summary
    stages = {"distill": Distill(losses=name), "task-distill": TaskDistill(losses=name)}
    named = summary.partition(":")[0].split(" and ")
    assert {stage for stage in stages if accepts(stages[stage])} >= set(named) > set()


def test_a_recipe_and_its_terms_have_one_address(tmp_path):
    def key(losses):
        return addresses("start", parse(f"task-distill(losses={losses})", {}), context(tmp_path))

    assert key("tinybert-labels") == key("{word-logits-kl: {temperature: 1}}") != key("{word-logits-kl: {}}")


def test_an_unknown_recipe_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="recipes: there is no 'tinybird'; did you mean 'tinybert'"):
        TaskDistill(losses="tinybird").terms()
