"""Every named ordering can be read, and says where it comes from."""

import pytest

from finkd.stages import stages
from finkd.stages.stage import ORIGIN, TAGGER
from finkd.strategies import strategies
from finkd.strategies.parsing import parse


@pytest.mark.parametrize("name", list(strategies))
def test_it_parses_into_known_stages(name):
    steps = parse(name, {})
    assert steps
    for step in steps:
        assert isinstance(step.stage, stages.get(step.name.partition(":")[0]))
        assert bool(step.stage.terms()) == (step.stage.training is not None)
        for teacher in step.stage.teachers():
            assert teacher in (TAGGER, ORIGIN) or parse(teacher, {})
    assert parse(strategies.get(name).text, {}) == steps
    assert name not in stages or strategies.get(name).text == name
    assert len(strategies.get(name).source) > 5
