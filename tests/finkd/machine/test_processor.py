"""What is known of the processor."""

import sys

import pytest
import torch

from finkd.machine import processor


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu avx512f avx512_vnni", True), ("fpu avx2 avx_vnni", True), ("fpu avx512f avx512_vnni_not", False)],
)
def test_linux_tells_of_vnni(monkeypatch, tmp_path, flags, expected):
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    processor.CPUINFO.write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
    assert processor.has_vnni() == expected


@pytest.mark.parametrize(
    ("capabilities", "expected"), [({}, False), ({"avx512_vnni": True}, True), ({"avx_vnni": True}, True)]
)
def test_elsewhere_pytorch_does(monkeypatch, tmp_path, capabilities, expected):
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "missing")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert processor.has_vnni() == expected


def test_without_pytorch_nothing_tells(monkeypatch, tmp_path):
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "missing")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert not processor.has_vnni()
