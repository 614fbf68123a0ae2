import pytest

from finkd.corpora.errors import ConfigError
from finkd.system import precision
from finkd.system.precision import resolve_precision


@pytest.mark.parametrize(("native", "found"), [(True, "bf16"), (False, "fp32")])
def test_auto_is_what_the_processor_does_natively(monkeypatch, native, found):
    monkeypatch.setattr(precision, "native_bf16", lambda: native)
    assert resolve_precision("auto") == found
    assert [resolve_precision(name) for name in ("fp32", "bf16")] == ["fp32", "bf16"]


def test_the_processor_can_be_asked():
    assert precision.native_bf16() in (True, False)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ConfigError, match="got 'fp16'; choose from auto, fp32, bf16"):
        resolve_precision("fp16")
