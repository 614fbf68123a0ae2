"""A teacher's states, kept on disk, stand for the teacher itself."""

import errno
import os
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
import torch

from finkd.corpora.errors import ConfigError, StoreError
from finkd.inference.prediction import word_logits
from finkd.losses.aligned_hidden_states import AlignedHiddenStates
from finkd.losses.word_logits_kl import WordLogitsKL
from finkd.models.families import FAMILIES
from finkd.models.heads import with_head
from finkd.stages.distill import Distill
from finkd.stages.task_distill import TaskDistill
from finkd.store import Store
from finkd.teachers.teacher import Teacher
from finkd.training import teacher_states
from finkd.training.teacher_states import Keeper
from tests.finkd.toys import LABELS, QUICK, SENTENCES, context, ner_data, outputs, tiny_model
from tests.toys import bpe, roberta, wordpiece_uncased

LOSSES = {"cross-entropy": {}, "word-logits-kl": {"temperature": 2.0}, "aligned-hidden-states": {}}
STILL = replace(QUICK, dropout=0.0)


def taught(family="bert", tokenizer=None, layers=4):
    return tiny_model(tokenizer, layers=layers, labels=LABELS, family=family, seed=7)


def kept(teacher, folder, terms=(), precision="fp32", bits=0):
    encoded = ner_data(SENTENCES, teacher).student
    keeper = Keeper(teacher, "key", precision, Store(folder), bits=bits)
    return encoded, keeper.states(encoded, terms or [AlignedHiddenStates()], 2)


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_kept_states_are_those_that_the_teacher_computes(family, tmp_path):
    teacher = taught(family, roberta() if family == "roberta" else None)
    _, states = kept(teacher, tmp_path)
    rows = np.array([3, 0, 2])
    hidden = states.side(rows).hidden_states
    # Of 4 layers, a student of 2 looks at 0, 2 and 4; the others are left out.
    assert [len(state) > 0 for state in hidden] == [True, False, True, False, True]
    plain = replace(teacher, network=teacher.network.base_model)
    expected = torch.cat([outputs(plain, SENTENCES[row].text) for row in rows])
    torch.testing.assert_close(hidden[-1], expected, rtol=1e-5, atol=1e-5)


def test_in_bf16_states_take_two_bytes_and_lose_little(tmp_path):
    teacher = taught()
    _, exact = kept(teacher, tmp_path)
    _, rough = kept(teacher, tmp_path, precision="bf16")
    assert [np.asarray(states.values).itemsize for states in (exact, rough)] == [4, 2]
    rows = np.arange(len(SENTENCES))
    for left, right in zip(exact.side(rows).hidden_states, rough.side(rows).hidden_states, strict=True):
        assert right.dtype == torch.bfloat16
        torch.testing.assert_close(right.float(), left, rtol=0.05, atol=0.05)


def test_in_8_bits_a_state_is_rounded_by_half_a_step_at_most(tmp_path):
    teacher = taught()
    _, exact = kept(teacher, tmp_path)
    _, small = kept(teacher, tmp_path, bits=8)
    values, steps, exactly = map(np.asarray, (small.values, small.steps, exact.values))
    assert (values.dtype, steps.shape) == (np.int8, values.shape[:2])
    assert (np.abs(values * steps[..., None] - exactly) <= 0.5001 * steps[..., None]).all()
    rows = np.array([2, 0])
    for left, right in zip(exact.side(rows).hidden_states, small.side(rows).hidden_states, strict=True):
        torch.testing.assert_close(right.float(), left, rtol=0.02, atol=0.03)


@pytest.mark.parametrize("bits", [0, 8])
@pytest.mark.parametrize("family", ["bert", "modernbert"])
def test_kept_labels_are_those_that_the_teacher_computes(family, bits, tmp_path):
    """Also where its head is more than one matrix, as ModernBERT's is."""
    teacher = with_head(FAMILIES[family].tiny(wordpiece_uncased()), LABELS, 1)
    encoded, states = kept(teacher, tmp_path, [WordLogitsKL(), AlignedHiddenStates(layers="last")], bits=bits)
    found = torch.from_numpy(states.logits.take(encoded.first))
    torch.testing.assert_close(found, word_logits(teacher, encoded), rtol=1e-5, atol=1e-5)


def test_terms_choose_what_is_kept(tmp_path):
    _, chosen = kept(taught(), tmp_path, [AlignedHiddenStates(layers=((1, 3),))])
    assert (chosen.layers, chosen.logits) == ((3,), None)
    _, labels = kept(taught(), tmp_path, [WordLogitsKL()])
    assert labels.layers == ()
    assert not any(len(state) for state in labels.side(np.array([1, 0])).hidden_states)
    with pytest.raises(ConfigError, match="expected pairs within"):
        kept(taught(), tmp_path, [AlignedHiddenStates(layers=((1, 9),))])


def test_a_stage_keeps_states_in_8_bits(tmp_path):
    stage = TaskDistill(losses=LOSSES, schedule=STILL, cache_teacher_outputs="int8")
    setting = replace(context(tmp_path), teacher=Teacher("key", taught))
    student, _ = stage.run(tiny_model(bpe(), seed=3), setting)
    assert student.labels == LABELS
    kinds = {np.load(path, mmap_mode="r").dtype for path in tmp_path.rglob("states.npy")}
    assert kinds == {np.dtype(np.int8)}


@pytest.mark.parametrize("family", ["albert", "modernbert"])
def test_a_student_of_any_family_learns_from_kept_states(family, tmp_path):
    """Also where finkd cannot choose its layers."""
    teacher, student = taught(), FAMILIES[family].tiny(wordpiece_uncased())  # of 4 and 3 layers
    stage = TaskDistill(losses={"aligned-hidden-states": {}}, cache_teacher_outputs=True)
    data = ner_data(SENTENCES, student, teacher)
    assert stage._states(teacher, "key", data, student, context(tmp_path)).layers == (0, 1, 3, 4)


@pytest.mark.parametrize("stage", [TaskDistill(losses=LOSSES, schedule=STILL), Distill(on="gold", schedule=STILL)])
@pytest.mark.parametrize("tokenizer", [wordpiece_uncased, bpe])
def test_students_learn_the_same_from_kept_states(stage, tokenizer, tmp_path):
    teacher = taught(tokenizer=tokenizer())
    setting = replace(context(tmp_path), teacher=Teacher("teacher", lambda: teacher))
    live, _ = stage.run(tiny_model(), setting)
    stored, _ = replace(stage, cache_teacher_outputs=True).run(tiny_model(), setting)
    for name, weights in live.network.state_dict().items():
        torch.testing.assert_close(stored.network.state_dict()[name], weights, rtol=1e-3, atol=1e-5, msg=name)


def test_the_teacher_reads_a_text_once_for_all_students(tmp_path):
    teacher = taught()
    setting = replace(context(tmp_path), teacher=Teacher("teacher", lambda: teacher))
    stage = TaskDistill(losses=LOSSES, schedule=STILL, cache_teacher_outputs=True)
    seen = []
    stage.run(tiny_model(), replace(setting, listen=lambda progress: seen.append(progress.loss)))
    assert seen[0] is None
    assert None not in seen[1:]

    def refuse(*args, **kwargs):
        raise AssertionError("the teacher was run again")

    teacher.network.register_forward_pre_hook(refuse)
    teacher.network.base_model.register_forward_pre_hook(refuse)
    _, tokens = stage.run(tiny_model(bpe(), seed=3), setting)
    assert tokens > 0
    with pytest.raises(AssertionError, match="run again"):
        replace(stage, cache_teacher_outputs=False).run(tiny_model(bpe(), seed=3), setting)


def test_the_hash_of_a_text_is_that_of_its_bytes_however_they_lie_in_memory():
    ids, rows = np.arange(10, dtype=np.int32)[::2], np.zeros(0, np.int64)
    assert teacher_states._digest([ids, rows]) == sha256(ids.tobytes() + rows.tobytes()).hexdigest()


def test_a_damaged_entry_is_computed_again(tmp_path):
    encoded, states = kept(taught(), tmp_path)
    expected = np.array(states.values)
    (file,) = tmp_path.rglob("*.npy")
    file.write_bytes(file.read_bytes()[:-8] + b"\0\1\2\3" * 2)
    _, again = kept(taught(), tmp_path)
    np.testing.assert_array_equal(np.array(again.values), expected)
    assert len(expected) == len(encoded.tokens.ids)


@pytest.mark.parametrize("bits", [0, 8])
def test_states_in_parts_are_those_of_one_part(bits, tmp_path, monkeypatch):
    encoded, whole = kept(taught(), tmp_path / "whole", bits=bits)
    monkeypatch.setattr(teacher_states, "PART", 2)
    _, parted = kept(taught(), tmp_path / "parted", bits=bits)
    assert len([*(tmp_path / "parted").rglob("states.npy")]) == -(-len(encoded.lengths) // 2) > 1
    rows = np.array([3, 0, 2, 1])
    for left, right in zip(whole.side(rows).hidden_states, parted.side(rows).hidden_states, strict=True):
        torch.testing.assert_close(right, left, rtol=1e-2 if bits else 1e-5, atol=1e-2 if bits else 1e-5)


def test_a_killed_run_goes_on_with_the_parts_that_it_lacks(tmp_path, monkeypatch):
    monkeypatch.setattr(teacher_states, "PART", 1)
    teacher, done = taught(), []

    def dies_in_the_third(network, inputs):
        done.append(inputs)
        if len(done) == 3:
            raise KeyboardInterrupt

    hook = teacher.network.base_model.register_forward_pre_hook(dies_in_the_third, with_kwargs=False)
    with pytest.raises(KeyboardInterrupt):
        kept(teacher, tmp_path)
    _, states = kept(teacher, tmp_path)
    hook.remove()
    assert len(done) == len(SENTENCES) + 1  # the third part was begun twice, no other
    _, expected = kept(taught(), tmp_path / "at once")
    rows = np.arange(len(SENTENCES))
    torch.testing.assert_close(states.side(rows).hidden_states[-1], expected.side(rows).hidden_states[-1])


def test_a_full_disk_is_said_in_one_line_before_anything_is_computed(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(StoreError, match="No space left on device"):
        kept(taught(), tmp_path)
    assert not list(tmp_path.rglob("*.npy"))


@pytest.mark.parametrize(
    "stage",
    [
        TaskDistill(losses={"chunk-attention": {}}, cache_teacher_outputs=True),
        Distill(losses={"masked-lm": {}}, cache_teacher_outputs=True),
    ],
)
def test_what_is_not_kept_is_refused_before_work_begins(stage, tmp_path):
    with pytest.raises(ConfigError, match="cache_teacher_outputs: attention and masked text are not kept"):
        stage.cache_inputs(context(tmp_path))
