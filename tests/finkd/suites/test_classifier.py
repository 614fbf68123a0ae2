"""Tasks on whole texts go through the loop that trains taggers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from finkd.compression.sparsity import prunable
from finkd.corpora.errors import ConfigError
from finkd.corpora.tasks.task import Example, TaskData
from finkd.losses.term import ModelOutputs, StepOutputs
from finkd.models.loading import load_model
from finkd.suites import linear_classifiers
from finkd.suites.classifier import (
    SquaredError,
    TaskTeacher,
    TeacherError,
    TextDistillation,
    TextSettings,
    answers,
    gold,
    learn,
    scores,
)
from finkd.suites.metrics import METRICS
from finkd.training.schedule import Schedule
from tests.finkd.toys import tiny_model
from tests.toys import TEXTS, bpe

QUICK = TextSettings(
    Schedule(epochs=30, learning_rate=5e-3, head_learning_rate=1e-2, batch_tokens=256, dropout=0, precision="fp32")
)
GOOD, BAD = TEXTS[:3], TEXTS[3:]


def sentiment(labels=("bad", "good")):
    examples = [Example(text, "", float(text in GOOD)) for text in TEXTS]
    return TaskData("toy", {"train": examples, "validation": examples}, labels=labels)


def task_teacher(teacher, data, copies=()):
    return TaskTeacher(teacher, copies, scores(teacher, [*data.splits["train"], *copies], QUICK)[0])


@pytest.mark.parametrize("family", ["bert", "distilbert"])
def test_a_classifier_learns_what_it_is_shown(family):
    data = sentiment()
    model = learn(tiny_model(family=family), data, QUICK, seed=1)
    found, too_long = scores(model, data.splits["validation"], QUICK)
    assert answers(found, data).tolist() == gold(data, "validation").tolist()
    assert too_long == 0
    assert type(model.network).__name__.endswith("ForSequenceClassification")
    assert model.network.config.id2label == {0: "bad", 1: "good"}


def test_a_number_is_learnt():
    data = replace(sentiment(()), splits={"train": [Example(t, "", 1.5 * i) for i, t in enumerate(TEXTS[:4])]})
    model = learn(tiny_model(), data, replace(QUICK, schedule=replace(QUICK.schedule, epochs=80)), seed=1)
    found, _ = scores(model, data.splits["train"], QUICK)
    assert np.abs(answers(found, data) - gold(data, "train")).max() < 0.75


def test_equal_seeds_learn_the_same_and_the_encoder_given_stays():
    data, model = sentiment(), tiny_model()
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    quick = replace(QUICK, schedule=replace(QUICK.schedule, epochs=2))
    first, second = (scores(learn(model, data, quick, seed=3), data.splits["train"], quick)[0] for _ in range(2))
    assert np.array_equal(first, second)
    assert all(torch.equal(before[name], value) for name, value in model.network.state_dict().items())


def test_a_teacher_of_another_tokenizer_is_learnt_from():
    """Gold is wrong for every text; what the teacher says of the texts outweighs it."""
    data = sentiment()
    wrong = replace(data, splits={"train": [replace(each, label=1 - each.label) for each in data.splits["train"]]})
    teacher = learn(tiny_model(bpe()), data, QUICK, seed=1)
    with torch.no_grad():
        for parameter in teacher.network.classifier.parameters():
            parameter *= 20
    model = learn(tiny_model(), wrong, replace(QUICK, temperature=4.0), seed=1, teacher=task_teacher(teacher, wrong))
    found, _ = scores(model, data.splits["train"], QUICK)
    assert answers(found, data).tolist() == gold(data, "train").tolist()


@pytest.mark.parametrize("labels", [("bad", "good"), ()], ids=["classes", "numbers"])
def test_copies_without_a_label_are_learnt_from_the_teacher_alone(labels):
    data = sentiment(labels)
    half = replace(data, splits={"train": data.splits["train"][::2]})
    copies = [replace(each, label=9) for each in data.splits["train"][1::2]]  # what they are labelled is not read
    teacher = learn(tiny_model(seed=5), data, QUICK, seed=2)
    model = learn(tiny_model(), half, QUICK, seed=1, teacher=task_teacher(teacher, half, copies))
    found, _ = scores(model, data.splits["train"], QUICK)
    assert np.isfinite(found).all()
    assert np.abs(answers(found, data) - gold(data, "train")).max() < 0.6


def test_a_task_is_learnt_with_few_bits(tmp_path):
    data = sentiment()
    model = learn(tiny_model(), data, replace(QUICK, bits=3), seed=1)
    found, _ = scores(model, data.splits["train"], QUICK)
    assert answers(found, data).tolist() == gold(data, "train").tolist()
    weights = dict(model.network.named_parameters())
    matrices = [weights[name] for name in prunable(model)]
    assert all(len(matrix[:32].unique()) <= 7 for matrix in matrices)  # -3 to 3, in a group of 32 rows
    assert len(model.embeddings.weight[:32].unique()) <= 255
    again = learn(model, data, QUICK, seed=1)  # with weights as they are, whose size is that of the file
    assert not hasattr(again.network.config, "packed_bytes")
    model.save(tmp_path / "few")
    assert load_model(tmp_path / "few", for_texts=True).network.config.packed_bytes < 0.6 * sum(
        each.numel() * each.element_size() for each in weights.values()
    )


def test_states_are_learnt_before_the_task():
    """A student that learns nothing after the states has come nearer to its teacher's."""
    data, teacher = sentiment(), learn(tiny_model(bpe(), layers=4, seed=5), sentiment(), QUICK, seed=2)
    nothing = replace(QUICK.schedule, epochs=0)
    taught = TextDistillation(schedule=nothing, states="tinybert", states_schedule=QUICK.schedule)
    losses = []
    learn(
        tiny_model(),
        data,
        replace(QUICK, distill=taught),
        seed=1,
        teacher=task_teacher(teacher, data),
        listen=lambda progress: losses.append(progress.loss),
    )
    assert losses[-1] < 0.5 * losses[0]


def test_terms_on_anything_but_states_are_refused():
    with pytest.raises(ConfigError, match=r"losses\.word-logits-kl: looks at more than the teacher's states"):
        TextDistillation(states={"word-logits-kl": {}}).terms()


def test_windows_of_two_tokenizers_are_refused():
    data = sentiment()
    long = replace(data, splits={"train": [Example(" ".join(TEXTS), "", 1.0), *data.splits["train"]]})
    teacher = learn(tiny_model(bpe()), data, replace(QUICK, schedule=replace(QUICK.schedule, epochs=1)), seed=2)
    settings = replace(QUICK, limit=40, long="windows", distill=TextDistillation(states="tinybert"))
    with pytest.raises(ConfigError, match="long: teacher and student read texts in different windows"):
        learn(tiny_model(), long, settings, seed=1, teacher=task_teacher(teacher, long))


def test_scores_of_windows_are_averaged():
    data = sentiment()
    long = [Example(" ".join(TEXTS), "", 1.0), data.splits["train"][0]]
    model = learn(tiny_model(), data, replace(QUICK, schedule=replace(QUICK.schedule, epochs=1)), seed=1)
    windows = replace(QUICK, limit=40, long="windows")
    found, too_long = scores(model, long, windows)
    assert too_long == 1
    tokens = model.tokenizer.encode([long[0].first]).ids
    inner, room = tokens[1:-1], 38
    starts = [*range(0, len(inner) - room, room // 2), len(inner) - room]
    parts = [np.concatenate((tokens[:1], inner[start : start + room], tokens[-1:])) for start in starts]
    with torch.inference_mode():
        each = [model.network(input_ids=torch.tensor(part[None].astype(np.int64))).logits[0] for part in parts]
    assert np.allclose(found[0], torch.stack(each).mean(dim=0), atol=1e-4)


def test_squared_errors_by_hand():
    student, teacher = torch.tensor([[1.0], [3.0]]), torch.tensor([[0.0], [1.0]])
    outputs = StepOutputs(
        ModelOutputs(word_logits=student), ModelOutputs(word_logits=teacher), torch.tensor([2.0, 5.0])
    )
    assert SquaredError()(outputs).item() == pytest.approx((1 + 4) / 2)
    assert TeacherError()(outputs).item() == pytest.approx((1 + 4) / 2)


def test_metrics_by_hand():
    right, said = np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0])
    assert METRICS["accuracy"](right, said) == 0.75
    assert METRICS["precision"](right, said) == 1.0
    assert METRICS["recall"](right, said) == 0.5
    assert METRICS["f1"](right, said) == pytest.approx(2 / 3)
    assert METRICS["matthews"](right, said) == pytest.approx(2 / np.sqrt(1 * 3 * 2 * 2))
    assert METRICS["pearson"](np.array([1.0, 2, 3]), np.array([2.0, 4, 6])) == pytest.approx(1)
    assert METRICS["spearman"](np.array([1.0, 2, 3]), np.array([1.0, 8, 9])) == pytest.approx(1)


def test_whoever_always_says_the_same_has_no_correlation():
    right, same = np.array([1.0, 2, 3]), np.ones(3)
    assert METRICS["pearson"](right, same) == METRICS["spearman"](right, same) == METRICS["matthews"](right, same) == 0


@pytest.mark.parametrize("answer", [linear_classifiers.tfidf, linear_classifiers.nb_svm])
def test_classic_classifiers_learn_words(answer):
    examples = [
        Example(f"a {'fine' if good else 'dull'} film {n}", "", float(good)) for n in range(8) for good in (0, 1)
    ]
    data = TaskData("toy", {"train": examples, "validation": examples}, labels=("bad", "good"))
    assert answer(data, "validation").tolist() == gold(data, "validation").tolist()


def test_a_probe_leaves_the_encoder_as_it_is():
    data, model = sentiment(), tiny_model()
    before = model.network.embeddings.word_embeddings.weight.clone()
    assert (linear_classifiers.probe(model, data, "validation", QUICK) == gold(data, "validation")).mean() > 0.5
    assert torch.equal(before, model.network.embeddings.word_embeddings.weight)
