import pytest

from finkd.inference.prediction import on_fastest_device
from finkd.machine import device
from tests.finkd.toys import tiny_model


@pytest.fixture(autouse=True)
def _gpu(monkeypatch):
    """A machine that says it has a GPU."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "H1000")


def test_a_gpu_is_used_where_there_is_one(monkeypatch):
    monkeypatch.delenv("ACCELERATE_USE_CPU", raising=False)
    assert (device.fastest_device(), device.gpu_name()) == ("cuda", "H1000")


@pytest.mark.parametrize("value", ["1", "true", "True", "yes"])
def test_the_user_may_forbid_it_for_all_work(value, monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_CPU", value)
    assert (device.fastest_device(), device.gpu_name()) == ("cpu", None)
    model = tiny_model()
    assert on_fastest_device(model) is model
