import pytest

from finkd.corpora.errors import ConfigError
from finkd.machine import precision
from finkd.machine.precision import resolve_precision


@pytest.mark.parametrize(("native", "found"), [(True, "bf16"), (False, "fp32")])
def test_auto_is_what_the_processor_does_natively(monkeypatch, native, found):
    monkeypatch.setattr(precision, "native_bf16", lambda: native)
    assert resolve_precision("auto") == found
    assert [resolve_precision(name) for name in ("fp32", "bf16")] == ["fp32", "bf16"]


@pytest.mark.parametrize("amx", [True, False])
@pytest.mark.parametrize("avx512", [True, False])
def test_a_processor_has_bf16_with_amx_or_avx512(monkeypatch, amx, avx512):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: avx512)
    assert precision.native_bf16() is (amx or avx512)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ConfigError, match="got 'fp16'; choose from auto, fp32, bf16"):
        resolve_precision("fp16")
