from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from reports.labels import Anchor, Box, place, spread_out

FRAME = Box(0, 0, 800, 430)
ANCHORS = st.lists(
    st.builds(
        Anchor,
        x=st.floats(20, 780),
        y=st.floats(20, 410),
        radius=st.floats(2, 22),
        width=st.floats(40, 130),
        height=st.just(28.0),
    ),
    max_size=8,
)


def test_overlap_by_hand():
    assert Box(0, 0, 10, 10).overlap(Box(5, 8, 20, 20)) == 10
    assert Box(0, 0, 10, 10).overlap(Box(10, 0, 20, 10)) == 0
    assert Box(0, 0, 10, 10).outside(Box(0, 0, 10, 5)) == 50


def test_a_lone_label_stands_right_of_its_mark():
    (box,) = place([Anchor(100, 100, 10, 40, 20)], FRAME, gap=4)
    assert (box.x0, box.centre[1]) == (114, 100)


def test_blocked_boxes_are_avoided():
    blocked = Box(110, 0, 800, 430)
    (box,) = place([Anchor(100, 100, 10, 40, 20)], FRAME, [blocked])
    assert box.overlap(blocked) < 1e-6


@settings(deadline=None)
@given(ANCHORS)
def test_eight_labels_never_overlap_and_stay_inside(anchors):
    boxes = place(anchors, FRAME)
    for position, box in enumerate(boxes):
        assert box.outside(FRAME) < 1e-3
        assert all(box.overlap(other) < 1e-3 for other in boxes[position + 1 :])


@given(st.lists(st.floats(-1, 1), max_size=8), st.floats(0, 0.2))
def test_spread_out_keeps_order_and_distance(positions, distance):
    moved = spread_out(positions, distance)
    in_order = [new for _, new in sorted(zip(positions, moved, strict=True))]
    assert all(upper - lower >= distance - 1e-9 for lower, upper in pairwise(in_order))
    assert all(new >= old for new, old in zip(moved, positions, strict=True))
