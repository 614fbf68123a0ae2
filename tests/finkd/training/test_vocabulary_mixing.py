"""A student that reads its teacher's tokens for a while."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from finkd.corpora.errors import ConfigError
from finkd.losses.aligned_hidden_states import AlignedHiddenStates
from finkd.losses.embedding import Embedding
from finkd.losses.term import Requirement
from finkd.losses.word_logits_kl import WordLogitsKL
from finkd.models.heads import with_masked_head
from finkd.stages.adapt import Adapt
from finkd.stages.distill import Distill
from finkd.stages.finetune import Finetune
from finkd.stages.task_distill import TaskDistill
from finkd.training.teacher_outputs import LiveTeacher
from finkd.training.trainer import train
from finkd.training.vocabulary_mixing import both_vocabularies
from tests.finkd.toys import LABELS, QUICK, SENTENCES, ner_data, tiny_model
from tests.toys import roberta

MIXED = replace(QUICK, epochs=10, dropout=0.0, mixing=0.8)


def test_ids_of_both_vocabularies_are_read_and_only_its_own_stay():
    student, teacher = tiny_model(), tiny_model(roberta(), seed=5)
    own = student.embeddings
    before = copy.deepcopy(own.weight)
    with both_vocabularies(student, teacher):
        assert torch.equal(student.embeddings.weight[len(own.weight) :], teacher.embeddings.weight)
        with torch.no_grad():
            student.embeddings.weight.add_(1.0)
    assert student.embeddings is own
    torch.testing.assert_close(own.weight, before + 1.0)


def test_a_mixed_batch_looks_its_words_up_where_they_begin():
    student, teacher = tiny_model(), tiny_model(roberta(), seed=5)
    data = ner_data(SENTENCES, student, teacher)
    rows = np.arange(len(SENTENCES))
    batch = data.batch(rows, Requirement.HIDDEN_STATES, (3,), mixed=0.5)
    ids = batch.student.token_ids
    theirs = ids >= len(student.tokenizer)
    assert 0 < theirs.sum() < len(ids)
    assert batch.alignment.to_student.covered.all()
    assert torch.equal(batch.word_ids, torch.arange(len(data.labels)))
    plain = data.batch(rows, Requirement.HIDDEN_STATES)
    own = (
        (batch.student.ids.flatten()[batch.student.first_token_positions] < len(student.tokenizer)).nonzero().squeeze(1)
    )
    assert torch.equal(
        batch.student.ids.flatten()[batch.student.first_token_positions[own]],
        plain.student.ids.flatten()[plain.student.first_token_positions[own]],
    )


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (Finetune(schedule=MIXED), "needs a loss that looks at the teacher"),
        (Adapt(schedule=MIXED), "cannot be used with a masked-LM head"),
        (Distill(schedule=MIXED, losses={"embedding": {}}), "cannot be used with the loss 'embedding'"),
        (TaskDistill(schedule=MIXED, losses={"word-logits-kl": {}}), "needs a loss that looks at the teacher"),
    ],
)
def test_a_stage_that_cannot_mix_says_so_before_anything_runs(stage, message, tmp_path):
    with pytest.raises(ConfigError, match=rf"schedule\.mixing: {message}"):
        stage.terms()


def test_a_student_learns_from_mixed_text():
    teacher = tiny_model(roberta(), labels=LABELS, layers=4, seed=5)
    model, seen = tiny_model(labels=LABELS), []
    data = ner_data(SENTENCES, model, teacher)
    teaching = LiveTeacher(teacher)
    shape = model.embeddings.weight.shape
    before = model.embeddings.weight.detach().clone()
    train(
        model,
        data,
        [AlignedHiddenStates(), WordLogitsKL()],
        MIXED,
        1,
        teaching,
        lambda progress: seen.append(progress.loss),
    )
    assert seen[-1] < 0.8 * seen[0]
    assert model.embeddings.weight.shape == shape
    assert not torch.equal(model.embeddings.weight, before)


def test_without_a_teacher_there_is_nothing_to_mix_with():
    model = tiny_model(labels=LABELS)
    with pytest.raises(ConfigError, match=r"schedule\.mixing: needs a loss that looks at the teacher"):
        train(model, ner_data(SENTENCES, model), [WordLogitsKL()], MIXED, 1)


def test_what_cannot_be_mixed_is_refused():
    teacher = tiny_model(seed=5)
    with pytest.raises(ConfigError, match="one width"), both_vocabularies(tiny_model(width=16), teacher):
        pass
    with pytest.raises(ConfigError, match="masked-LM head"), both_vocabularies(with_masked_head(teacher, 1), teacher):
        pass


def test_rows_beyond_the_entries_of_a_tokenizer_are_neither_read_nor_changed():
    student, teacher = tiny_model(), tiny_model(roberta(), seed=5)
    for model in (student, teacher):
        model.network.resize_token_embeddings(len(model.tokenizer) + 8)
    entries, spare = len(student.tokenizer), student.embeddings.weight[-8:].detach().clone()
    with both_vocabularies(student, teacher):
        theirs = student.embeddings.weight[entries:]
        assert torch.equal(theirs, teacher.embeddings.weight[: len(teacher.tokenizer)])
        with torch.no_grad():
            student.embeddings.weight.add_(1.0)
    assert torch.equal(student.embeddings.weight[-8:], spare)


def test_a_mixture_that_is_too_long_is_not_read():
    student, teacher = tiny_model(), tiny_model(roberta(), seed=5)
    data = ner_data(SENTENCES, student, teacher)
    data = replace(data, limit=1)
    batch = data.batch(np.arange(len(SENTENCES)), Requirement.HIDDEN_STATES, (3,), mixed=0.5)
    assert (batch.student.token_ids < len(student.tokenizer)).all()


def test_embeddings_cannot_be_compared_in_two_vocabularies():
    student, teacher = tiny_model(labels=LABELS), tiny_model(roberta(), labels=LABELS, seed=5)
    data = ner_data(SENTENCES, student, teacher)
    with pytest.raises(ConfigError, match=r"schedule\.mixing: cannot be used with the loss 'embedding'"):
        train(student, data, [AlignedHiddenStates(), Embedding()], MIXED, 1, LiveTeacher(teacher))
