"""Runtimes of a tagger: outputs, sizes, time, energy and memory."""

import shutil
import tracemalloc
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from finkd.corpora.errors import ConfigError, DataError
from finkd.inference.tagger import Running, sentence_logits
from finkd.runtimes import runtimes
from finkd.runtimes.peak_memory import peak_memory
from finkd.runtimes.timing import TURN, WARM_UPS, WATTS, Meter, batches, latencies, ratio, tokenizing
from tests.finkd.toys import LABELS, SENTENCES, tiny_model

pytestmark = pytest.mark.slow

FAR = {"bnb-int8": 0.05, "nf4": 0.3, "bf16": 0.05, "cuda": 0.05, "int8": 0.2, "torchao-int8": 0.2, "onnx-int8": 0.05}
CANNOT = {
    "cuda": None if torch.cuda.is_available() else "there is no GPU",
    "torchao-int8": None if find_spec("torchao") else "there is no torchao",
    "compiled": None if shutil.which("g++") else "there is no compiler",
}


@pytest.fixture(scope="module")
def model():
    return tiny_model(labels=LABELS, width=64, layers=1)


@pytest.mark.parametrize("name", runtimes)
def test_it_says_about_what_the_model_says(name, model, tmp_path, caplog):
    if CANNOT.get(name):
        pytest.skip(CANNOT[name])
    before = {key: value.clone() for key, value in model.network.state_dict().items()}
    running = runtimes.get(name)(model, tmp_path, 1)
    assert (running.tagger.labels, running.tagger.max_length) == (model.labels, model.max_length)
    for _ in range(2):
        for ours, theirs in zip(
            sentence_logits(SENTENCES, running.tagger), sentence_logits(SENTENCES, model), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, atol=FAR.get(name, 1e-5))
    assert not [each for each in caplog.records if each.name.startswith("bitsandbytes")]
    torch.testing.assert_close(model.network.state_dict(), before, rtol=0, atol=0)


def test_fewer_bits_are_fewer_bytes(model, tmp_path):
    held = {name: runtimes.get(name)(model, tmp_path, 1).bytes for name in ("eager", "bf16", "int8", "nf4")}
    assert held["eager"] == 4 * sum(each.numel() for each in model.network.parameters())
    assert held["bf16"] == held["eager"] / 2
    assert held["nf4"] < held["int8"]
    matrices = sum(m.weight.numel() for m in model.network.modules() if isinstance(m, torch.nn.Linear))
    biases = sum(m.bias.numel() for m in model.network.modules() if isinstance(m, torch.nn.Linear))
    assert held["int8"] == held["eager"] - 3 * matrices - 4 * biases


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nf4", "reads 32 values, which is no multiple of 64"),
        ("torchao-int8", r"torchao-int8: needs pip install 'finkd\[torchao\]'"),
        ("cuda", "there is no GPU here"),
    ],
)
def test_runtimes_that_do_not_fit_or_are_not_there_are_refused(name, expected, tmp_path, monkeypatch):
    monkeypatch.setattr("finkd.inference.pytorch.find_spec", lambda name: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=expected):
        runtimes.get(name)(tiny_model(labels=LABELS, width=32), tmp_path, 1)


@pytest.mark.skipif(find_spec("torchao") is None, reason="needs torchao")
def test_torchao_holds_a_byte_for_each_weight_of_the_layers(model, tmp_path):
    layers = [m for m in model.encoder.modules() if isinstance(m, torch.nn.Linear)]
    saved = sum(3 * m.weight.numel() - 5 * m.out_features for m in layers)  # a scale of 4 bytes, a zero of 1
    whole = 4 * sum(each.numel() for each in model.network.parameters())
    assert runtimes.get("torchao-int8")(model, tmp_path, 1).bytes == whole - saved


def test_queries_are_counted_and_batches_add_up(model):
    read = Running(model, 0).read
    found = latencies({"a": read, "b": read}, SENTENCES, 7, 0.0)
    assert {name: len(times) for name, times in found.items()} == dict.fromkeys("ab", 2 * TURN - WARM_UPS)
    seen = []
    latencies({"a": read}, SENTENCES, 1, 0.0, seen.append)
    assert seen == [TURN, 2 * TURN]
    assert len(tokenizing(model, SENTENCES)) == len(SENTENCES)
    taken = batches({"a": read, "b": read}, SENTENCES * 10, 0.0, Meter())
    words = sum(len(sentence.spans) for sentence in SENTENCES) * 10
    assert taken.words.sum() == words
    assert taken.words_per_second("a") == pytest.approx(words / taken.seconds["a"].sum())
    assert taken.joules_per_1000_words("b") >= 0


def test_each_stops_for_itself(monkeypatch):
    now = 0.0

    def reader(seconds):
        def read(sentences):
            nonlocal now
            now += seconds

        return read

    monkeypatch.setattr("finkd.runtimes.timing.time.perf_counter", lambda: now)
    readers = {"slow": reader(0.5), "fast": reader(0.125)}
    found = latencies(readers, SENTENCES, 7, 20.0)
    least = {"slow": 40, "fast": 160}  # of 20 seconds; turns are taken to their ends
    assert all(number <= len(found[name]) < number + TURN for name, number in least.items())
    taken = batches(readers, SENTENCES * 10, 20.0, Meter())
    assert {name: len(times) for name, times in taken.seconds.items()} == least
    assert taken.words_per_second("slow") == taken.words[:40].sum() / 20
    assert taken.words_per_second("fast") == taken.words.sum() / 20
    compared = ratio(taken.seconds["slow"], taken.seconds["fast"], lambda times: times.sum(axis=1))
    assert (compared.low, compared.value, compared.high) == (4, 4, 4)


def test_a_ratio_and_its_interval():
    random = np.random.Generator(np.random.PCG64(1))
    slow = 2 + random.random(500) / 10
    found = ratio(slow, slow / 4, lambda times: np.median(times, axis=1))
    assert (found.value, found.low, found.high) == pytest.approx((4, 4, 4))
    noisy = ratio(slow, 1 + random.random(500), lambda times: np.median(times, axis=1))
    assert noisy.low < noisy.value < noisy.high
    assert noisy.high - noisy.low < 0.3


def test_many_rounds_need_no_more_memory():
    rounds = 1 + np.random.default_rng(1).random(25_000)
    tracemalloc.start()
    ratio(rounds, rounds, lambda times: times.sum(axis=1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6


def test_energy_of_a_counter_that_starts_again(tmp_path):
    (tmp_path / "max_energy_range_uj").write_text("1000000\n")
    (tmp_path / "energy_uj").write_text("900000\n")
    meter = Meter(tmp_path)
    assert meter.source == "RAPL, the first processor"
    before = meter.joules()
    (tmp_path / "energy_uj").write_text("100000\n")
    assert meter.joules() - before == pytest.approx(0.2)
    (tmp_path / "energy_uj").unlink()
    assert meter.joules() is None


def test_energy_without_a_counter_is_called_an_estimate(tmp_path):
    meter = Meter(tmp_path / "nothing")
    assert meter.source == f"estimate: {WATTS:g} W for each busy core"
    before = meter.joules()
    sum(range(200_000))
    assert 0 < meter.joules() - before < WATTS


def test_memory_is_that_of_a_process_of_its_own(model, tmp_path, monkeypatch):
    (tmp_path / "tagger").mkdir()
    model.save(tmp_path / "tagger")
    ours = bytearray(1_500_000_000)  # what this process holds is not what the other one does
    ours[::4096] = b"1" * len(ours[::4096])
    found = peak_memory(tmp_path / "tagger", "eager", tmp_path, ["Acme lent money."])
    assert 50e6 < found < 1.4e9
    del ours
    failing = tmp_path / "python"
    failing.write_text("#!/bin/sh\necho 'no such runtime' >&2\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(failing))
    with pytest.raises(DataError, match=r"memory of nonsense cannot be measured \(no such runtime\)"):
        peak_memory(tmp_path / "tagger", "nonsense", tmp_path, ["Acme"])
