import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from finkd.corpora.errors import ConfigError
from finkd.inference.prediction import word_logits
from finkd.losses.aligned_hidden_states import AlignedHiddenStates
from finkd.losses.cross_entropy import CrossEntropy
from finkd.losses.cross_vocabulary import ULD, MinED, ULDHybrid
from finkd.losses.embedding import Embedding
from finkd.losses.masked_lm import MaskedLM
from finkd.losses.masked_lm_distillation import ALM, MaskedMarginal, MaskedProjection
from finkd.losses.relations import ChunkAttention, ChunkRelations
from finkd.losses.term import Requirement
from finkd.losses.word_logits_kl import WordLogitsKL
from finkd.models.heads import with_masked_head
from finkd.models.loading import load_model
from finkd.training.callbacks import Callback
from finkd.training.loop import DivergedError, Loop
from finkd.training.schedule import Course, Schedule
from finkd.training.step import TrainingStep
from finkd.training.teacher_outputs import CachedLogits, LiveTeacher
from finkd.training.trainer import train
from tests.finkd.toys import LABELS, QUICK, SENTENCES, ner_data, tiny_model
from tests.toys import roberta, wordpiece_uncased

pytestmark = pytest.mark.slow


def student(labels=LABELS, **how):
    return tiny_model(labels=labels, **how)


def weights(model):
    return [parameter.detach().clone() for parameter in model.network.parameters()]


def curve(model, data, losses, schedule, teacher=None):
    """The loss of every step."""
    seen = []
    train(model, data, losses, schedule, 1, teacher, lambda progress: seen.append(progress.loss))
    return seen


def trained(seed=1, schedule=QUICK, **how):
    model = student()
    train(model, ner_data(SENTENCES, model), [CrossEntropy()], schedule, seed, **how)
    return weights(model)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_equal_seeds_give_equal_bits_and_others_do_not(precision):
    schedule = replace(QUICK, precision=precision)
    first, again, other = (trained(seed, schedule) for seed in (1, 1, 2))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert any(not torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_accelerates_own_configuration_does_not_decide_the_precision(monkeypatch):
    expected = trained(listen=lambda progress: None)  # which changes nothing either
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    torch.testing.assert_close(trained(), expected, rtol=0, atol=0)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_loss_goes_down_and_the_task_is_learnt(precision):
    model = student()
    data = ner_data(SENTENCES, model)
    losses = curve(model, data, [CrossEntropy()], replace(QUICK, epochs=40, dropout=0.0, precision=precision))
    assert sum(losses[-5:]) < 0.2 * sum(losses[:5])
    assert word_logits(model, data.student).argmax(dim=1).tolist() == data.labels.tolist()


def test_progress_counts_steps_and_tokens():
    model, events = student(), []
    data = ner_data(SENTENCES, model)
    tokens = train(model, data, [CrossEntropy()], QUICK, 1, listen=events.append)
    assert tokens == QUICK.epochs * int(data.student.lengths.sum()) == events[-1].tokens
    assert [event.step for event in events] == list(range(1, events[0].steps + 1))
    assert not model.network.training


def test_every_parameter_is_trained():
    before, after = weights(student()), trained()
    names = [name for name, _ in student().network.named_parameters()]
    still = [name for name, a, b in zip(names, before, after, strict=True) if torch.equal(a, b)]
    assert still == []


@pytest.mark.parametrize("tokenizer", [wordpiece_uncased, roberta])
def test_hidden_states_reach_the_loss(tokenizer):
    """A peer's states came back as empty tuples: the term was there, its gradient was not."""
    teacher = tiny_model(tokenizer(), layers=4, labels=LABELS, seed=5)
    before = weights(teacher)
    model = student()
    embeddings = model.embeddings.weight.detach().clone()
    data = ner_data(SENTENCES, model, teacher)
    schedule = replace(QUICK, epochs=15, dropout=0.0)
    seen = curve(model, data, [AlignedHiddenStates()], schedule, LiveTeacher(teacher))
    assert seen[-1] < 0.8 * seen[0]
    assert not torch.equal(model.embeddings.weight, embeddings)
    torch.testing.assert_close(weights(teacher), before, rtol=0, atol=0)


def test_a_copy_of_its_teacher_has_nothing_to_learn():
    teacher, model = student(), student()
    data = ner_data(SENTENCES, model, teacher)
    schedule = replace(QUICK, dropout=0.0, learning_rate=1e-12, head_learning_rate=0.0)
    seen = curve(model, data, [AlignedHiddenStates(), WordLogitsKL()], schedule, LiveTeacher(teacher))
    assert seen == pytest.approx([0.0] * len(seen), abs=1e-5)


@pytest.mark.parametrize("tokenizer", [wordpiece_uncased, roberta])
def test_a_student_learns_its_teachers_labels_across_tokenizers(tokenizer):
    teacher = tiny_model(tokenizer(), labels=LABELS, seed=5)
    targets = word_logits(teacher, ner_data(SENTENCES, teacher).student)
    model = student()
    schedule = replace(QUICK, epochs=40, dropout=0.0)
    seen = curve(model, ner_data(SENTENCES, model), [WordLogitsKL()], schedule, CachedLogits(targets))
    assert seen[-1] < 0.3 * seen[0]


@pytest.mark.parametrize("tokenizer", [wordpiece_uncased, roberta])
def test_labels_of_a_teacher_that_runs_anyway_are_those_computed_before(tokenizer):
    teacher = tiny_model(tokenizer(), labels=LABELS, seed=5)
    targets = word_logits(teacher, ner_data(SENTENCES, teacher).student)
    schedule = replace(QUICK, epochs=2, dropout=0.0)
    live, cached = (
        curve(model := student(), ner_data(SENTENCES, model, teacher), [WordLogitsKL()], schedule, teaching)
        for teaching in (LiveTeacher(teacher), CachedLogits(targets))
    )
    assert live == pytest.approx(cached, rel=1e-4)


def test_word_distillation_with_one_tokenizer_is_plain_distillation():
    """KL at the first token of each word, computed without finkd's batches."""
    teacher, model = student(seed=5), student()
    data = ner_data(SENTENCES, model)
    targets = CachedLogits(word_logits(teacher, data.student))
    schedule = replace(QUICK, epochs=1, dropout=0.0, batch_tokens=10_000)
    seen = curve(model, data, [WordLogitsKL(temperature=3.0)], schedule, targets)
    total = []
    for sentence in SENTENCES:
        encoding = model.tokenizer.backend.encode(sentence.text)
        ids = torch.tensor([encoding.ids])
        firsts = [encoding.char_to_token(start) for start, _ in sentence.spans]
        scores = [side.network(input_ids=ids).logits[0, firsts] / 3 for side in (student(), teacher)]
        p, q = scores[1].softmax(-1), scores[0].softmax(-1)
        total.append(9 * (p * (p / q).log()).sum(dim=-1))
    assert seen == [pytest.approx(torch.cat(total).mean().item(), rel=1e-4)]


def test_weights_of_terms_add_up():
    def loss(*terms):
        return first_loss(terms, student(), tiny_model(labels=LABELS, seed=5))

    both = loss(CrossEntropy(weight=0.5), WordLogitsKL(weight=2.0))
    assert both == pytest.approx(0.5 * loss(CrossEntropy()) + 2 * loss(WordLogitsKL()), rel=1e-5)


def test_words_without_gold_or_context_do_not_change_the_gradient():
    model = student()
    data = ner_data(SENTENCES, model)
    data.labels[:3] = -100
    hidden = replace(data, usable=data.usable.copy())
    hidden.usable[:3] = False
    results = []
    for each in (data, hidden):
        model = student()
        train(model, each, [CrossEntropy()], replace(QUICK, dropout=0.0), 1)
        results.append(weights(model))
    torch.testing.assert_close(*results, rtol=0, atol=1e-6)


def test_scores_are_given_for_every_covered_word():
    model = student()
    data = ner_data(SENTENCES, model)
    data.student.first[2] = -1
    scores = word_logits(model, data.student)
    assert scores.shape == (len(data.labels), len(LABELS))
    assert [math.isnan(row[0]) for row in scores.tolist()].index(True) == 2
    assert torch.isnan(scores).any(dim=1).sum() == 1


def test_a_trained_model_computes_in_full_precision_as_its_saved_copy_does(tmp_path):
    model = student()
    data = ner_data(SENTENCES, model)
    train(model, data, [CrossEntropy()], replace(QUICK, precision="bf16"), 1)
    assert {weight.dtype for weight in weights(model)} == {torch.float32}
    model.save(tmp_path)
    torch.testing.assert_close(
        word_logits(model, data.student), word_logits(load_model(tmp_path), data.student), rtol=0, atol=0
    )


def test_frozen_embeddings_stay_and_can_be_thawed():
    model = student()
    data, before = ner_data(SENTENCES, model), model.embeddings.weight.detach().clone()
    train(model, data, [CrossEntropy()], replace(QUICK, embedding_learning_rate=0), 1)
    assert torch.equal(model.embeddings.weight, before)
    train(model, data, [CrossEntropy()], QUICK, 1)
    assert not torch.equal(model.embeddings.weight, before)


def test_a_diverged_training_is_refused():
    model = student()
    with torch.no_grad():
        model.embeddings.weight.fill_(torch.nan)
    with pytest.raises(DivergedError, match=r"lower schedule\.learning_rate"):
        train(model, ner_data(SENTENCES, model), [CrossEntropy()], QUICK, 1)


def test_a_gradient_that_is_no_number_changes_no_weight():
    model = student()
    before = weights(model)
    model.network.classifier.weight.register_hook(lambda gradients: gradients * torch.inf)
    with pytest.raises(DivergedError, match=r"its gradient's norm (inf|nan) at step 1"):
        train(model, ner_data(SENTENCES, model), [CrossEntropy()], replace(QUICK, precision="fp32"), 1)
    torch.testing.assert_close(weights(model), before, rtol=0, atol=0)


def test_nothing_to_train_is_refused():
    model = student()
    model.encoder.requires_grad_(False)
    with pytest.raises(ConfigError, match="nothing would be trained"):
        train(model, ner_data(SENTENCES, model), [CrossEntropy()], replace(QUICK, head_learning_rate=0.0), 1)


def first_loss(losses, model, teacher):
    """The loss of the first step, before anything is learnt."""
    data = replace(ner_data(SENTENCES, model, teacher), masking=0.4)
    schedule = replace(QUICK, epochs=1, dropout=0.0, batch_tokens=10_000)
    return curve(model, data, losses, schedule, LiveTeacher(teacher))[0]


ENCODER_TERMS = [
    AlignedHiddenStates(),
    AlignedHiddenStates(measure="mse"),
    AlignedHiddenStates(measure="cosine"),
    ChunkRelations(),
    ChunkAttention(),
    Embedding(),
    MaskedProjection(),
    MaskedMarginal(),
    ALM(),
    ULD(),
    MinED(),
    ULDHybrid(),
    MaskedProjection(positions="all"),
]


@pytest.mark.parametrize("term", ENCODER_TERMS, ids=repr)
def test_a_copy_of_its_teacher_costs_nothing_by_any_term(term):
    teacher = with_masked_head(tiny_model(layers=3), 1)
    model = teacher.copied()
    if isinstance(term, MinED):  # its one-hot targets are the text, not what the teacher says
        pytest.skip("costs the entropy of the text")
    assert first_loss([term], model, teacher) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("term", [MaskedLM(), *ENCODER_TERMS], ids=repr)
@pytest.mark.parametrize(
    ("tokenizer", "precision"), [(wordpiece_uncased, "fp32"), (roberta, "fp32"), (roberta, "bf16")]
)
def test_every_term_teaches_across_tokenizers(term, tokenizer, precision):
    teacher = with_masked_head(tiny_model(tokenizer(), layers=3, seed=5), 1)
    model = with_masked_head(tiny_model(), 2)
    data = replace(ner_data(SENTENCES, model, teacher), masking=0.5)
    schedule = replace(QUICK, epochs=40, dropout=0.0, batch_tokens=10_000, precision=precision)
    seen = curve(model, data, [term], schedule, LiveTeacher(teacher))
    assert sum(seen[-5:]) < 0.95 * sum(seen[:5])
    tied = model.network.get_output_embeddings().weight
    assert tied is model.embeddings.weight


@pytest.mark.parametrize("term", [MaskedLM(), *ENCODER_TERMS], ids=repr)
def test_spare_entries_of_a_model_count_for_nothing(term):
    """Models have more of them than their tokenizer, to fill up a round number."""
    found = []
    for spare in (0, 8):
        teacher, model = with_masked_head(tiny_model(roberta(), layers=3, seed=5), 1), with_masked_head(tiny_model(), 2)
        for each in (teacher, model):
            each.network.resize_token_embeddings(len(each.tokenizer) + spare)
        found.append(first_loss([term], model, teacher))
    assert found[1] == pytest.approx(found[0], rel=1e-5)


def plain_states(model, texts):
    """Everything of both models, text by text, without finkd's batches: one tokenizer, no padding."""
    for text in texts:
        ids = torch.from_numpy(model.tokenizer.encode([text]).ids).long()[None]
        yield model.network(input_ids=ids, output_hidden_states=True)


def test_under_one_tokenizer_guesses_everywhere_are_compared_as_in_distilbert():
    """DistilBERT's term, the mean over all tokens, hidden or not, of KL between the scores of two plain networks."""
    teacher, model = with_masked_head(tiny_model(layers=2, seed=5), 1), with_masked_head(tiny_model(layers=2), 2)
    data = replace(ner_data(SENTENCES, model, teacher), masking=0.4)
    batch = data.batch(np.arange(len(SENTENCES)), Requirement.MLM_LOGITS_EVERYWHERE, (1, 1))
    inputs = {"input_ids": batch.student.ids, "attention_mask": batch.student.mask}
    assert (batch.student.ids == model.tokenizer.special_ids["mask"]).any()
    scores = (side.network(**inputs).logits.flatten(0, 1)[batch.student.tokens] for side in (model, teacher))
    ours, theirs = (functional.log_softmax(each / 2, dim=-1) for each in scores)
    expected = 4 * functional.kl_div(ours, theirs.detach(), reduction="batchmean", log_target=True)
    step = TrainingStep(
        model, None, [MaskedProjection(positions="all")], LiveTeacher(teacher), torch.device("cpu"), "fp32"
    )
    value = step(batch).sum()
    assert value.item() == pytest.approx(expected.item(), abs=1e-5)
    gradients = (torch.autograd.grad(each, model.embeddings.weight)[0] for each in (value, expected))
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)


def test_under_one_tokenizer_states_are_compared_as_usual():
    teacher, model = tiny_model(layers=2, seed=5), tiny_model(layers=2)
    texts = [sentence.text for sentence in SENTENCES]
    pairs = list(zip(plain_states(model, texts), plain_states(teacher, texts), strict=True))
    ours, theirs = (torch.cat([pair[side].hidden_states[2][0] for pair in pairs]) for side in (0, 1))
    layer = ((2, 2),)
    mse = first_loss([AlignedHiddenStates(layers=layer, measure="mse")], tiny_model(layers=2), teacher)
    assert mse == pytest.approx(functional.mse_loss(ours, theirs).item(), rel=1e-5)
    cosine = first_loss([AlignedHiddenStates(layers=layer, measure="cosine")], tiny_model(layers=2), teacher)
    expected = functional.cosine_embedding_loss(ours, theirs, torch.ones(len(ours)))
    assert cosine == pytest.approx(expected.item(), rel=1e-5)


def test_under_one_tokenizer_attention_scores_are_compared_as_usual():
    """TinyBERT's term, from the scores that eager attention takes the softmax of."""
    teacher, model = tiny_model(layers=2, seed=5), tiny_model(layers=2)
    total, count = torch.zeros(2), 0
    for sentence in SENTENCES:
        scores = []
        for side in (model, teacher):
            ids = torch.from_numpy(side.tokenizer.encode([sentence.text]).ids).long()[None]
            entering = side.network(input_ids=ids, output_hidden_states=True).hidden_states
            for layer in range(2):
                attention = side.layers[layer].attention.self
                parts = (part(entering[layer]) for part in (attention.query, attention.key))
                q, k = (part.unflatten(-1, (2, 16)).transpose(1, 2) for part in parts)
                scores.append(q @ k.transpose(-1, -2) / 4)
        total += torch.stack([(scores[layer] - scores[2 + layer]).square().sum() for layer in range(2)])
        count += scores[0].numel()
    both, last = (first_loss([ChunkAttention(layers=each)], tiny_model(layers=2), teacher) for each in ("even", "last"))
    assert both == pytest.approx(total.mean().item() / count, rel=1e-5)
    assert last == pytest.approx(total[1].item() / count, rel=1e-5)


def test_a_map_is_learnt_where_the_widths_differ():
    teacher, model = tiny_model(width=48, seed=5), tiny_model()
    data = ner_data(SENTENCES, model, teacher)
    schedule = replace(QUICK, epochs=15, dropout=0.0)
    seen = curve(model, data, [AlignedHiddenStates(), Embedding()], schedule, LiveTeacher(teacher))
    assert seen[-1] < 0.8 * seen[0]


def test_frozen_encoders_stay_while_the_head_learns():
    model = with_masked_head(tiny_model(), 1)
    before = copy.deepcopy(model.encoder.state_dict())
    head = model.network.cls.predictions.transform.dense.weight.detach().clone()
    model.encoder.requires_grad_(False)
    data = replace(ner_data(SENTENCES, model), masking=0.5)
    train(model, data, [MaskedLM()], replace(QUICK, embedding_learning_rate=0), 1)
    torch.testing.assert_close(model.encoder.state_dict(), before, rtol=0, atol=0)
    assert not torch.equal(model.network.cls.predictions.transform.dense.weight, head)


def test_a_part_of_an_epoch_can_be_trained_and_is_one_batch_at_least():
    model = student()
    data = ner_data(SENTENCES, model)
    once, twice, part, least = (
        len(curve(model, data, [CrossEntropy()], replace(QUICK, epochs=epochs, batch_tokens=32)))
        for epochs in (1, 2, 1.5, 0.001)
    )
    assert (twice, part, least) == (2 * once, once + round(0.5 * once), 1)


def test_rates_rise_and_fall_in_straight_lines():
    course = Course(Schedule(warmup=0.2), 10)
    assert [course.rate(step) for step in range(11)] == pytest.approx([0, 0.5, *np.linspace(1, 0, 9)])
    assert Course(Schedule(warmup=0), 4).rate(0) == 1


def test_rates_fall_with_the_time_that_a_training_has():
    course = Course(Schedule(warmup=0.2, seconds=10), 10)
    course.elapsed = 6.0  # as much as six steps of ten
    assert course.rate(1) == pytest.approx(0.5)


@pytest.mark.parametrize(("clip", "expected"), [(1e-3, 1e-3), (1e9, None)])
def test_gradients_are_clipped(clip, expected):
    model = student()
    loop = Loop(model, ner_data(SENTENCES, model), [CrossEntropy()], replace(QUICK, clip=clip), 1, None, None)
    norms = []

    class Norm(Callback):
        def before_update(self):
            norms.append(
                math.sqrt(sum(each.grad.square().sum().item() for each in loop.dense if each.grad is not None))
            )

    loop.callbacks.append(Norm())
    loop.run(None)
    assert max(norms) == pytest.approx(expected, rel=1e-3) if expected else max(norms) > 0.1


def test_a_training_ends_by_the_clock():
    model, seen = student(), []
    schedule = replace(QUICK, epochs=400, seconds=0.3)
    tokens = train(model, ner_data(SENTENCES, model), [CrossEntropy()], schedule, 1, listen=seen.append)
    assert seen[-1].step == seen[-1].steps
    assert 1 <= len(seen) < seen[-1].steps
    assert tokens == seen[-1].tokens
    assert seen[-1].seconds >= 0.3
    assert [each.step for each in seen] == sorted(each.step for each in seen)


def test_in_bf16_the_loss_is_nearly_that_of_fp32_and_both_models_are_left_alone():
    teacher, model = with_masked_head(tiny_model(layers=2, seed=5), 1), with_masked_head(tiny_model(), 2)
    before = weights(teacher) + weights(model)
    data = replace(ner_data(SENTENCES, model, teacher), masking=0.4)
    batch = data.batch(np.arange(3), (Requirement.MLM_LOGITS | Requirement.HIDDEN_STATES), (1, 1))
    terms = [MaskedProjection(), AlignedHiddenStates(), MaskedLM()]
    found = [
        TrainingStep(model, None, terms, LiveTeacher(teacher), torch.device("cpu"), precision)(batch)
        for precision in ("fp32", "bf16")
    ]
    torch.testing.assert_close(*found, rtol=0.02, atol=0)
    torch.testing.assert_close(weights(teacher) + weights(model), before, rtol=0, atol=0)


@pytest.mark.parametrize("terms", [[AlignedHiddenStates()], [MaskedLM()]], ids=["states", "words"])
def test_in_bf16_long_sums_of_gradients_are_right(terms):
    """PyTorch adds up the gradients of norms and embeddings in bf16, where 256 + 1 = 256."""
    teacher, model = with_masked_head(tiny_model(layers=2, seed=5), 1), with_masked_head(tiny_model(), 2)
    data = replace(ner_data(SENTENCES * 60, model, teacher), masking=0.4)
    batch = data.batch(np.arange(len(data.lengths)), (Requirement.MLM_LOGITS | Requirement.HIDDEN_STATES), (1, 1))
    assert len(batch.student.tokens) > 2000
    found = []
    for precision in ("fp32", "bf16"):
        step = TrainingStep(model, None, terms, LiveTeacher(teacher), torch.device("cpu"), precision)
        model.network.zero_grad()
        step(batch).sum().backward()
        found.append({name: each.grad.float() for name, each in step.named_parameters() if each.grad is not None})
    expected, half = found
    assert expected.keys() == half.keys()
    for name, gradient in expected.items():
        if not name.endswith("key.bias"):  # which has no effect on attention
            assert (half[name] - gradient).norm() < 0.05 * gradient.norm(), name
