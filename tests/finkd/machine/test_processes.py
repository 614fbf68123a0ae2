"""Values that distributed processes share."""

from types import SimpleNamespace

import pytest
import torch
from torch import distributed

from finkd.machine import processes


@pytest.mark.parametrize("value", [0.1, 86_400.001, 2.0**25 + 0.125])
def test_a_shared_value_keeps_its_digits(value, monkeypatch):
    monkeypatch.setattr(processes, "join", lambda: SimpleNamespace(device=torch.device("cpu")))
    monkeypatch.setattr(distributed, "broadcast", lambda shared, first: None)
    assert processes.agreed(value) == value
