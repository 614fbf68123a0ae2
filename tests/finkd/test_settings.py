from dataclasses import dataclass, field, replace
from typing import Literal

import pytest

from finkd.corpora.errors import ConfigError
from finkd.losses.cross_entropy import CrossEntropy
from finkd.losses.word_logits_kl import WordLogitsKL
from finkd.settings import build, deciding, later
from finkd.stages.distill import Distill
from finkd.training.schedule import Schedule


@dataclass(frozen=True)
class Inner:
    rate: float = 0.1
    steps: int = 3


@dataclass(frozen=True)
class Outer:
    name: str
    kind: Literal["gold", "text"] = "gold"
    layers: tuple[int, ...] = ()
    inner: Inner = field(default_factory=Inner)


def test_settings_become_a_dataclass():
    settings = {"name": "a", "kind": "text", "layers": [0, 2], "inner": {"rate": "1e-5", "steps": "4"}}
    assert build(Outer, settings, "x") == Outer("a", "text", (0, 2), Inner(1e-5, 4))


def test_defaults_hold_where_nothing_is_said():
    assert build(Outer, {"name": "a"}, "x") == Outer("a")


def test_a_part_that_is_given_keeps_the_rest_of_its_own_default():
    @dataclass(frozen=True)
    class Own:
        inner: Inner = field(default_factory=lambda: Inner(rate=0.5, steps=7))
        other: Inner = Inner(steps=9)

    assert build(Own, {"inner": {"steps": 4}, "other": {"rate": 1}}, "x") == Own(Inner(0.5, 4), Inner(1, 9))
    assert build(Distill, {"schedule": {"epochs": 2}}, "x").schedule == replace(Distill().schedule, epochs=2)


def test_true_is_no_number():
    settings = {"name": "a", "layers": [0, True], "inner": {"rate": True, "steps": False}}
    with pytest.raises(ConfigError) as caught:
        build(Outer, settings, "systems.a")
    assert str(caught.value).splitlines() == [
        "systems.a.layers.1: expected a number (got True)",
        "systems.a.inner.rate: expected a number (got True)",
        "systems.a.inner.steps: expected a number (got False)",
    ]


def test_every_mistake_is_named_at_once_with_its_path():
    settings = {"kind": "golf", "layers": [0, "two"], "inner": {"rat": 1, "steps": 1.5}, "colour": 1}
    with pytest.raises(ConfigError) as caught:
        build(Outer, settings, "systems.a")
    lines = sorted(str(caught.value).splitlines())
    assert lines == [
        "systems.a.colour: unknown setting (choose from inner, kind, layers, name)",
        "systems.a.inner.rat: unknown setting; did you mean 'rate'? (choose from rate, steps)",
        "systems.a.inner.steps: input should be a valid integer, got a number with a fractional part (got 1.5)",
        "systems.a.kind: input should be 'gold' or 'text' (got 'golf')",
        "systems.a.layers.1: input should be a valid integer, unable to parse string as an integer (got 'two')",
        "systems.a.name: missing",
    ]


def test_at_the_top_there_is_no_path_to_name():
    with pytest.raises(ConfigError, match=r"^name: missing$"):
        build(Outer, {}, "")


def test_settings_are_not_changed():
    settings = {"name": "a", "inner": {"steps": "4"}}
    build(Outer, settings, "x")
    assert settings == {"name": "a", "inner": {"steps": "4"}}


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (WordLogitsKL, {"temperature": 0}, r"x\.temperature: input should be greater than 0 \(got 0\)"),
        (CrossEntropy, {"smoothing": 1}, r"x\.smoothing: input should be less than 1"),
        (Schedule, {"batch_tokens": 0}, r"x\.batch_tokens: input should be greater than 0"),
        (Schedule, {"dropout": -0.1}, r"x\.dropout: input should be greater than or equal to 0"),
        (Schedule, {"warmup": 10}, r"x\.warmup: input should be less than or equal to 1"),
        (Schedule, {"epochs": -1}, r"x\.epochs: input should be greater than or equal to 0"),
        (Schedule, {"learning_rate": "fast"}, r"x\.learning_rate: input should be a valid number"),
    ],
)
def test_numbers_that_would_only_give_nan_are_refused(kind, settings, message):
    with pytest.raises(ConfigError, match=message):
        build(kind, settings, "x")


@dataclass(frozen=True)
class Extended(Inner):
    share: float = later(0.0)


def test_a_later_setting_decides_nothing_until_it_is_set():
    assert deciding(Extended(1.0, 2)) == deciding(Inner(1.0, 2)) == {"rate": 1.0, "steps": 2}
    assert deciding(Extended(1.0, 2, 0.5)) == {"rate": 1.0, "steps": 2, "share": 0.5}
    assert build(Extended, {"rate": 1, "steps": 2, "share": "0.5"}, "x") == Extended(1.0, 2, 0.5)
