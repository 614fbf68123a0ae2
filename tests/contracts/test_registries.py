"""What every entry of a registry of configurable parts owes: a new one is tested by its registry line alone."""

import dataclasses

import pytest

from finkd.corpora.errors import ConfigError
from finkd.losses import losses
from finkd.models import transfers
from finkd.settings import build
from finkd.stages import stages
from finkd.tokenization.maps import maps

REGISTRIES = {"losses": losses, "maps": maps, "stages": stages, "transfers": transfers}
ENTRIES = [(kind, name) for kind, registry in REGISTRIES.items() for name in registry]


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_it_is_a_frozen_dataclass_that_refuses_unknown_settings(kind, name):
    made = REGISTRIES[kind].get(name)
    assert dataclasses.is_dataclass(made)
    assert made.__dataclass_params__.frozen
    assert build(made, {}, "x") == made()
    with pytest.raises(ConfigError, match=r"^x\.colour: unknown setting"):
        build(made, {"colour": 1}, "x")
