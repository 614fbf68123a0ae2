"""Every named ordering can be read, and says where it comes from."""

import pytest

from finkd.stages import stages
from finkd.strategies import strategies
from finkd.strategies.parsing import parse


@pytest.mark.parametrize("name", list(strategies))
def test_it_parses_into_known_stages(name):
    steps = parse(name, {})
    assert steps
    for step in steps:
        assert isinstance(step.stage, stages.get(step.name.partition(":")[0]))
        if hasattr(step.stage, "terms"):
            assert step.stage.terms()
        if getattr(step.stage, "teacher", "tagger") not in ("tagger", "origin"):
            assert parse(step.stage.teacher, {})
    assert parse(strategies.get(name).text, {}) == steps


@pytest.mark.parametrize("name", list(strategies))
def test_no_stage_is_called_like_it(name):
    assert name not in stages or strategies.get(name).text == name


@pytest.mark.parametrize("name", list(strategies))
def test_it_names_its_source_and_has_a_summary(name):
    assert len(strategies.get(name).source) > 5
    assert strategies.entries()[name].summary
