"""Loss curves: evenly spaced, however steps are counted, and the same after an interruption."""

import json

import pytest

from finkd.progress import Progress, Trace


def traced(steps, total, kept=()):
    losses = list(kept)
    trace = Trace(None, losses)
    for step in steps:
        trace(Progress(step, total, 1 / (1 + step), 0, 0.0))
    return losses


@pytest.mark.parametrize(
    ("steps", "total", "points"),
    [
        (range(1, 1001), 1000, 40),
        (range(1, 31), 30, 30),
        (range(1, 61), 60, 40),
        (range(7, 1001, 7), 1000, 39),  # a time budget that ends the training after a seventh of the steps
        (range(90, 1000, 90), 1000, 11),
        ([0, 0, 500, 1000], 1000, 2),
    ],
)
def test_a_curve_has_evenly_spaced_points(steps, total, points):
    assert len(traced(steps, total)) == points


def test_a_resumed_training_keeps_the_same_points():
    steps = range(7, 4000, 7)
    whole = traced(steps, 4003)
    for place in range(len(steps)):
        kept = json.loads(json.dumps(traced(steps[:place], 4003)))
        assert [tuple(each) for each in traced(steps[place:], 4003, kept)] == whole
