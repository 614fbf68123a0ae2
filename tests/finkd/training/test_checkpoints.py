"""A training that is killed goes on as if nothing had happened."""

import errno
import logging
import os
from dataclasses import replace

import pytest
import torch

from finkd.corpora.errors import StoreError
from finkd.execution import lineage
from finkd.losses.aligned_hidden_states import AlignedHiddenStates
from finkd.losses.cross_entropy import CrossEntropy
from finkd.losses.masked_lm import MaskedLM
from finkd.losses.word_logits_kl import WordLogitsKL
from finkd.models.heads import with_masked_head
from finkd.models.pretrained import fingerprint
from finkd.stages.finetune import Finetune
from finkd.store import MANIFEST, Store
from finkd.strategies.strategy import Step
from finkd.training.checkpoints import Checkpoint, Checkpoints
from finkd.training.teacher_outputs import LiveTeacher
from finkd.training.trainer import train
from tests.finkd.toys import LABELS, QUICK, SENTENCES, context, ner_data, tiny_model
from tests.toys import bpe

pytestmark = pytest.mark.slow

LONG = replace(QUICK, epochs=6, batch_tokens=32, dropout=0.2)


class Killed(BaseException):
    """Stands for a signal."""


def tagger():
    return tiny_model(labels=LABELS, seed=1)


def teacher():
    return tiny_model(bpe(), layers=4, labels=LABELS, seed=5)


def case(name):
    """A model, its data, the terms, the schedule and the teacher."""
    if name in ("labels", "averaged"):
        model = tagger()
        schedule = replace(LONG, averaging=0.9) if name == "averaged" else LONG
        return model, ner_data(SENTENCES, model), [CrossEntropy()], schedule, None
    if name == "masked":
        model = with_masked_head(tiny_model(seed=1), 1)
        return model, replace(ner_data(SENTENCES, model), masking=0.5), [MaskedLM()], LONG, None
    model, other = tagger(), teacher()
    teaching = LiveTeacher(other)
    options = {"gradient_norm_balancing": True} if name == "balanced" else {"mixing": 0.5}
    terms = [CrossEntropy(), WordLogitsKL(), AlignedHiddenStates()]
    return model, ner_data(SENTENCES, model, other), terms, replace(LONG, **options), teaching


def run(name, checkpoints=None, until=None):
    """Train from the beginning or from a checkpoint, maybe not to the end; returns the weights and the steps done."""
    model, data, terms, schedule, teaching = case(name)
    seen = []

    def listen(progress):
        seen.append(progress)
        if progress.step == until:
            raise Killed

    train(model, data, terms, schedule, 1, teaching, listen, checkpoints)
    return model.network.state_dict(), seen


def killed(name, folder, until):
    with pytest.raises(Killed):
        run(name, Checkpoints(Store(folder), "k", 0), until)
    return Checkpoints(Store(folder), "k", 0)


def assert_same_bits(left, right):
    assert left.keys() == right.keys()
    assert [name for name in left if not torch.equal(left[name], right[name])] == []


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", ["labels", "averaged", "masked", "balanced", "mixed"])
def test_killed_and_continued_is_the_same_to_the_bit(name, precision, tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.LONG", replace(LONG, precision=precision))
    expected, steps = run(name)
    assert len(steps) >= 10
    found, rest = run(name, killed(name, tmp_path, 7))
    # The listener is called before the checkpoint of a step, so the last one is that of step 6.
    assert [each.step for each in rest] == list(range(7, len(steps) + 1))
    assert [each.loss for each in rest] == [each.loss for each in steps[6:]]
    assert rest[-1].tokens == steps[-1].tokens
    assert_same_bits(found, expected)


def test_writing_checkpoints_changes_nothing(tmp_path):
    expected, _ = run("labels")
    found, _ = run("labels", Checkpoints(Store(tmp_path), "k", 0))
    assert_same_bits(found, expected)


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_taken(tmp_path, caplog):
    expected, _ = run("labels")
    checkpoints = killed("labels", tmp_path, 9)
    newest = max(tmp_path.glob("k.part-*"), key=lambda slot: Store(tmp_path).get(slot.name).facts["step"])
    file = newest / "state.safetensors"
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(raw)
    with caplog.at_level(logging.WARNING):
        found, rest = run("labels", checkpoints)
    assert rest[0].step == 8
    assert str(newest) in caplog.text
    assert (
        "state.safetensors does not match its checksum; the training goes on from the other checkpoint" in caplog.text
    )
    assert_same_bits(found, expected)


@pytest.mark.parametrize("until", [7, 8])
def test_the_newest_checkpoint_stays_until_the_next_one_is_whole(until, tmp_path):
    checkpoints = killed("labels", tmp_path, until)
    found = checkpoints.latest()
    checkpoints.save(Checkpoint(found.tensors, {**found.facts, "step": 100}))
    kept = {Store(tmp_path).get(slot.name).facts["step"] for slot in tmp_path.glob("k.part-*")}
    assert kept == {until - 1, 100}


def test_without_a_whole_checkpoint_a_training_begins_again(tmp_path):
    expected, _ = run("labels")
    checkpoints = killed("labels", tmp_path, 9)
    for slot in tmp_path.glob("k.part-*"):
        (slot / MANIFEST).unlink()
    found, rest = run("labels", checkpoints)
    assert rest[0].step == 1
    assert_same_bits(found, expected)


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    expected, _ = run("labels")
    checkpoints = killed("labels", tmp_path, 9)

    def full(tensors, path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("finkd.training.checkpoints.save_file", full)
        with pytest.raises(StoreError, match="No space left on device"):
            run("labels", checkpoints)
    found, rest = run("labels", Checkpoints(Store(tmp_path), "k", 0))
    assert rest[0].step == 9
    assert_same_bits(found, expected)


def test_the_clock_goes_on_where_it_stopped(tmp_path):
    checkpoints = killed("labels", tmp_path, 5)
    before = checkpoints.latest().facts["seconds"]
    assert before > 0
    assert checkpoints.seconds == before
    _, rest = run("labels", checkpoints)
    assert rest[0].seconds > before


def test_speed_and_time_left_are_those_of_this_process(tmp_path):
    (_, steps), (_, rest) = run("labels"), run("labels", killed("labels", tmp_path, 7))
    assert all(each.resumed is None for each in steps)
    for number, each in enumerate(rest, start=1):
        assert (each.resumed.step, each.resumed.tokens) == (6, steps[5].tokens)
        spent = each.seconds - each.resumed.seconds
        assert each.tokens_per_second == pytest.approx((each.tokens - steps[5].tokens) / spent)
        assert each.seconds_left == pytest.approx(spent / number * (len(steps) - each.step))


def test_checkpoints_are_written_when_they_are_due(tmp_path):
    checkpoints = Checkpoints(Store(tmp_path), "k", 1e9)
    run("labels", checkpoints)
    assert not list(tmp_path.iterdir())
    assert not checkpoints.due


def test_a_stage_that_was_killed_goes_on_and_leaves_no_checkpoint_behind(tmp_path):
    stage = Finetune(schedule=LONG)
    steps = [Step("finetune", stage)]
    seen = []

    def listen(progress):
        seen.append(progress.step)
        if len(seen) == 7:
            raise Killed

    setting = replace(context(tmp_path), listen=listen, checkpoint_seconds=0.0)
    teacher = tmp_path / "teacher"
    teacher.mkdir()
    tiny_model().save(teacher)
    start = fingerprint(str(teacher))
    with pytest.raises(Killed):
        lineage.run(str(teacher), start, steps, setting)
    parts = sorted(entry.kind for entry in setting.store.entries())
    assert parts == ["checkpoint", "checkpoint", "examples"]
    outcome = lineage.run(str(teacher), start, steps, setting)
    assert seen[7] == 7
    assert {entry.kind: entry.key for entry in setting.store.entries()}.pop("finetune") == outcome.key
    assert sorted(entry.kind for entry in setting.store.entries()) == ["examples", "finetune"]
    elsewhere = lineage.run(str(teacher), start, steps, context(tmp_path / "elsewhere"))
    assert_same_bits(outcome.load().network.state_dict(), elsewhere.load().network.state_dict())
