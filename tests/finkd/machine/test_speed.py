import pytest

from finkd.machine.speed import layer_speed, matmul_speed


@pytest.mark.parametrize("measure", [matmul_speed, lambda precision: layer_speed(precision, width=64, tokens=256)])
def test_a_speed_is_that_of_a_processor(measure):
    assert 1e7 < measure("fp32") < 1e16
