"""What every entry of a registry of configurable parts owes: a new one is tested by its registry line alone."""

import dataclasses

import pytest

from finkd.augmentation.similar_words import SimilarWords
from finkd.corpora.errors import ConfigError
from finkd.experiments.suites.inference import PassSettings
from finkd.experiments.suites.summarization import SummarySettings
from finkd.losses import losses
from finkd.models import transfers
from finkd.settings import build, deciding, described
from finkd.stages import stages
from finkd.store import address
from finkd.suites.answers import AnswerSettings
from finkd.suites.classifier import TextDistillation, TextSettings
from finkd.suites.summaries.lora import LoraSettings
from finkd.tokenization.maps import maps
from finkd.training.schedule import Schedule

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


PARTS = (Schedule, SimilarWords, TextDistillation, LoraSettings, AnswerSettings, PassSettings)
SETTINGS = [*(registry.get(name) for registry in REGISTRIES.values() for name in registry), *PARTS]
SETTINGS += [TextSettings, SummarySettings]


@pytest.mark.parametrize("kind", SETTINGS, ids=lambda kind: kind.__name__)
def test_a_default_has_one_address_whether_it_is_given_or_left_out(kind):
    default = kind()
    given = build(kind, {field.name: getattr(default, field.name) for field in dataclasses.fields(kind)}, "x")
    nested = build(kind, dataclasses.asdict(default), "x")
    found = {address({**deciding(each), "all": described(each)}) for each in (default, given, nested)}
    assert len(found) == 1
