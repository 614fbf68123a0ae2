"""Quantization: rounding, packing, choice of bits, and training."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from finkd.compression.quantization import (
    CHOICES,
    _codes,
    bits_by_sensitivity,
    packed_bytes,
    quantized,
    rounded,
    sensitivities,
)
from finkd.compression.sparsity import prunable
from finkd.corpora.errors import ConfigError
from finkd.execution import lineage
from finkd.losses.cross_entropy import CrossEntropy
from finkd.models.pretrained import fingerprint
from finkd.models.spec import ModelSpec
from finkd.stages.constrained import Quantize
from finkd.strategies.parsing import parse
from finkd.training.schedule import Schedule
from finkd.training.step import TrainingStep
from tests.finkd.toys import LABELS, QUICK, SENTENCES, context, ner_data, tiny_model


def test_rounding_by_hand():
    weight = torch.tensor([[7.0, -3.4, 0.4], [0.5, 0.2, -0.1]])
    assert quantized(weight, 4, 1)[0].tolist() == [7, -3, 0]  # a scale of 1
    # 7 is cut off: of the ranges .55 to 1 of it, .75 has the smallest squared error
    assert quantized(weight, 2, 1)[0].tolist() == [5.25, -5.25, 0]
    assert quantized(weight, 4, 2)[1].tolist() == [0, 0, 0]  # in one group with larger ones: 0.5 is rounded to even


def packed(weight, bits, group):
    """The codes without gaps, then each group's scale."""
    codes, scales = _codes(weight, bits, group)
    codes = codes.flatten(0, 1)[: len(weight)].flatten().int() + 2 ** (bits - 1) - 1
    spread = "".join(f"{code:0{bits}b}" for code in codes.tolist())
    spread += "0" * (-len(spread) % 8)
    return int(spread, 2).to_bytes(len(spread) // 8) + scales.flatten().half().numpy().tobytes()


@given(some.integers(1, 7), some.integers(1, 5), some.sampled_from(CHOICES), some.integers(1, 4), some.integers(0, 999))
def test_packed_codes_are_the_rounded_weights(rows, columns, bits, group, seed):
    weight = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    data = packed(weight, bits, group)
    groups = -(-rows // group)
    assert len(data) == packed_bytes(weight, bits, group)
    spread = [(byte >> place) & 1 for byte in data[: len(data) - 2 * groups] for place in range(7, -1, -1)]
    codes = [
        int("".join(map(str, spread[at * bits : (at + 1) * bits])), 2) - (2 ** (bits - 1) - 1)
        for at in range(rows * columns)
    ]
    scales = torch.frombuffer(bytearray(data[len(data) - 2 * groups :]), dtype=torch.half).float()
    found = torch.tensor(codes).view(rows, columns) * scales.repeat_interleave(group)[:rows, None]
    torch.testing.assert_close(found, quantized(weight, bits, group))


def test_a_model_is_rounded_on_its_device():
    model = tiny_model(labels=LABELS)
    model.network.to("meta")  # as an accelerator, it mixes with no tensor of the processor
    assert rounded(model, {}, 4, 32).network.config.packed_bytes


def test_the_eigenvalue_is_that_of_the_whole_hessian():
    model = tiny_model(labels=LABELS, width=8, seed=3)
    data = ner_data(SENTENCES, model)
    name = prunable(model)[-1]
    found = sensitivities(model, data, [name], 10_000, 1)  # all in one batch: no deviation
    step = TrainingStep(model, None, [CrossEntropy()], None, torch.device("cpu"), "fp32", True).train(False)
    step.network.set_attn_implementation("eager")
    weight = step.network.get_parameter(name)
    (gradient,) = torch.autograd.grad(
        step(data.batch(torch.arange(len(data.lengths)).numpy())).sum(), weight, create_graph=True
    )
    rows = [torch.autograd.grad(each, weight, retain_graph=True)[0].flatten() for each in gradient.flatten()]
    largest = torch.linalg.eigvalsh(torch.stack(rows).double()).abs().max().item()
    assert found[name] == pytest.approx(largest, rel=0.05)


def test_bits_go_where_the_loss_is_steep():
    random = torch.Generator().manual_seed(1)
    weights = {name: torch.randn(16, 16, generator=random) for name in ("steep", "flat", "same")}
    bits = bits_by_sensitivity(weights, {"steep": 1e6, "flat": 1e-6, "same": 1.0}, 4, 4)
    assert bits["steep"] == 8
    assert bits["flat"] == 2
    assert sum(bits.values()) / 3 <= 4
    assert set(bits_by_sensitivity(weights, dict.fromkeys(weights, 1.0), 2, 4).values()) == {2}
    assert set(bits_by_sensitivity(weights, dict.fromkeys(weights, 1.0), 8, 4).values()) == {8}


@pytest.mark.parametrize("by", ["uniform", "hessian"])
def test_a_model_that_learns_with_few_bits_has_few_values(by, tmp_path):
    model = tiny_model(labels=LABELS)
    small, tokens = Quantize(bits=3, by=by, group=16, schedule=QUICK).run(model, context(tmp_path))
    assert tokens > 0
    weights = dict(small.network.named_parameters())
    for name in prunable(small):
        for group in weights[name].split(16):
            assert len(group.unique()) <= (7 if by == "uniform" else 255)
    whole = 4 * sum(weight.numel() for weight in weights.values())
    assert small.network.config.packed_bytes < 0.55 * whole  # positions stay as they are
    again, _ = Quantize(bits=3, by=by, group=16, schedule=QUICK).run(model, context(tmp_path))
    torch.testing.assert_close(again.network.state_dict(), small.network.state_dict(), rtol=0, atol=0)


def test_rounding_alone_trains_nothing(tmp_path):
    model = tiny_model(labels=LABELS)
    eight, tokens = Quantize(8, "uniform", schedule=Schedule(epochs=0)).run(model, context(tmp_path))
    assert tokens == 0
    name = prunable(model)[0]
    torch.testing.assert_close(eight.network.get_parameter(name), quantized(model.network.get_parameter(name), 8, 32))
    assert torch.equal(eight.tagging_head.weight, model.tagging_head.weight)
    ratio = eight.network.config.packed_bytes / (4 * sum(p.numel() for p in model.network.parameters()))
    assert 0.25 < ratio < 0.9  # positions, norms and the head stay as they are


def test_packed_bytes_are_not_said_of_weights_that_changed_since(tmp_path):
    where = context(tmp_path)
    start = tmp_path / "start"
    start.mkdir()
    tiny_model(labels=LABELS).save(start)
    off = "schedule.epochs=0"
    for strategy, is_said in (
        (f"compress:quantize(by=uniform, {off})", True),
        (f"compress:quantize(by=uniform, {off}) > finetune(schedule.epochs=1)", False),
        (f"compress:quantize(by=uniform, {off}) > compress:sparsify({off})", True),
    ):
        made = lineage.run(str(start), fingerprint(str(start)), parse(strategy, {}), where).load()
        assert hasattr(made.network.config, "packed_bytes") is is_said


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match=r"bits: expected one of \(2, 3, 4, 8\) for all alike \(got 5\)"):
        Quantize(5, "uniform").validate(ModelSpec(head="labels"))
    with pytest.raises(ConfigError, match=r"compress:quantize\.by=hessian: asks the loss of a tagger"):
        Quantize().validate(ModelSpec())
