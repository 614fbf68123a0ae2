"""Answers to questions: the official rules, windows, and the best span."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from finkd.corpora.errors import ConfigError
from finkd.corpora.tasks.questions import Question
from finkd.losses.term import ModelOutputs, StepOutputs
from finkd.settings import build
from finkd.suites.answers import AnswerData, AnswerSettings, AnswerSpan, _best_span, answer, learn_answers, windows
from finkd.suites.metrics import best_threshold, exact, f1
from finkd.training.schedule import Schedule
from tests.finkd.toys import tiny_model
from tests.toys import TEXTS, roberta, wordpiece_uncased

CONTEXT = " ".join(TEXTS)


def question(text, number=0):
    return Question(str(number), "Who lent money?", CONTEXT, ((text, CONTEXT.index(text)),) if text else ())


@pytest.mark.parametrize(
    ("said", "gold", "is_exact", "overlap"),
    [
        ("The  Bank,", ["bank"], 1, 1),  # article, white space, punctuation, case
        ("a an the", ["x"], 0, 0),
        ("Goldman Sachs", ["Acme", "goldman sachs."], 1, 1),  # the best of several answers
        ("the big red bank", ["big bank"], 0, 2 * 2 / 5),
        ("bank bank", ["bank"], 0, 2 / 3),  # a word counts as often as both have it
        ("U.S.", ["us"], 1, 1),
        ("25-million", ["25 million"], 0, 0),  # punctuation goes without leaving a space
        ("", [], 1, 1),  # no answer, and none is given
        ("Acme", [], 0, 0),
        ("", ["Acme"], 0, 0),
        ("", ["the"], 1, 1),  # nothing is left of the right answer
        ("Zürich", ["zürich"], 1, 1),
        ("theatre", ["atre"], 0, 0),  # articles are words
    ],
)
def test_exact_match_and_f1_by_the_official_rules(said, gold, is_exact, overlap):
    assert exact(said, gold) == is_exact
    assert f1(said, gold) == pytest.approx(overlap)


def test_the_threshold_that_is_best():
    # The second question has no answer; saying nothing from 1.5 on is right for it and the last one.
    assert best_threshold([1.0, 2.0, 1.5, 3.0], [1.0, 0.0, 0.5, 0.0], [False, True, False, True]) == 1.5
    assert best_threshold([1.0], [0.0], [True]) < 1.0  # nothing is said


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0, 1), st.booleans()), min_size=1, max_size=8))
def test_no_other_threshold_is_better(rows):
    def mean(threshold):
        return sum((float(empty) if score > threshold else 0.0 if empty else has) for score, has, empty in rows)

    best = best_threshold(*zip(*rows, strict=True))
    assert mean(best) == pytest.approx(max(mean(each) for each in (-np.inf, *(row[0] for row in rows))))


@pytest.mark.parametrize("tokenizer", [wordpiece_uncased, roberta])
def test_windows_cover_the_paragraph_and_hold_the_answer(tokenizer):
    settings_ = AnswerSettings(limit=48, stride=12, question=16)
    asked = [question("Goldman Sachs"), question("Zürich", 1), question("", 2)]
    found = windows(asked, tokenizer(), settings_, 48)
    assert found.encoded.lengths.max() <= 48
    assert found.too_long == 3
    for source in range(3):
        inside = (np.repeat(found.source, found.encoded.lengths) == source) & (found.starts >= 0)
        covered = set()
        for start, end in zip(found.starts[inside], found.ends[inside], strict=True):
            covered |= set(range(start, end))
        assert covered >= {place for place, char in enumerate(CONTEXT) if not char.isspace()}
    data = AnswerData.read(asked, found, 48)
    rows = found.encoded.tokens.rows
    for window, source in enumerate(found.source):
        labels = data.labels[rows[window] : rows[window + 1]]
        assert labels[:, 1].sum() == labels[:, 2].sum() == 1
        begin, end = rows[window] + labels[:, 1].argmax(), rows[window] + labels[:, 2].argmax()
        if begin != rows[window]:
            text = asked[source].answers[0][0]
            assert text in CONTEXT[found.starts[begin] : found.ends[end]]
    held = {int(source) for window, source in enumerate(found.source) if data.labels[rows[window], 1] == 0}
    assert held == {0, 1}


@pytest.mark.parametrize("limit", [12, 40, 100, 163])
def test_a_model_that_reads_less_than_the_settings_ask_for_reads_whole_windows(limit):
    long = replace(question("Goldman Sachs"), text=" ".join(["Who lent money?"] * 30))
    found = windows([long], wordpiece_uncased(), AnswerSettings(), limit)
    assert found.encoded.lengths.max() <= limit
    assert found.shortened == 1
    inner = len(wordpiece_uncased().encode([CONTEXT]).ids) - 2
    assert len(found.source) <= 1 + 8 * inner / limit  # and not one for each token
    inside = found.starts >= 0
    covered = {
        place
        for start, end in zip(found.starts[inside], found.ends[inside], strict=True)
        for place in range(start, end)
    }
    assert covered >= {place for place, char in enumerate(CONTEXT) if not char.isspace()}


@pytest.mark.parametrize("wrong", [{"limit": 164}, {"stride": 200}, {"question": 300}])
def test_settings_that_leave_windows_no_room_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"^expected a limit above question \+ stride \+ 4 special tokens"):
        build(AnswerSettings, wrong, "")
    assert build(AnswerSettings, {"limit": 165}, "").limit == 165


def test_the_loss_is_the_mean_cross_entropy_of_both_ends():
    random = torch.Generator().manual_seed(0)
    scores = [torch.randn(length, 2, generator=random) for length in (4, 7)]
    labels = torch.zeros(11, 3, dtype=torch.long)
    labels[4:, 0] = 9
    labels[2, 1] = labels[3, 2] = labels[5, 1] = labels[5, 2] = 1
    expected = [
        torch.nn.functional.cross_entropy(each[None, :, side], torch.tensor([place]))
        for each, places in zip(scores, ((2, 3), (1, 1)), strict=True)
        for side, place in enumerate(places)
    ]
    outputs = StepOutputs(
        ModelOutputs(word_logits=torch.cat(scores)), ModelOutputs(word_logits=torch.cat(scores)), labels
    )
    assert AnswerSpan()(outputs).item() == pytest.approx(torch.stack(expected).mean().item(), rel=1e-5)
    entropy = [
        torch.distributions.Categorical(logits=each[:, side] / 2).entropy() for each in scores for side in (0, 1)
    ]
    taught = AnswerSpan(temperature=2.0)(outputs).item()
    assert taught == pytest.approx(4 * torch.stack(entropy).mean().item(), rel=1e-5)


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 9), st.integers(1, 4), st.integers(0, 2**31))
def test_the_best_span_is_the_best_of_all(count, longest, seed):
    random = np.random.default_rng(seed)
    scores = random.normal(size=(count, 2)).astype(np.float32)
    inside = random.random(count) < 0.7
    spans = [
        (scores[a, 0] + scores[b, 1], a, b)
        for a in range(count)
        for b in range(a, min(count, a + longest))
        if inside[a] and inside[b]
    ]
    found = _best_span(scores, inside, longest)
    if not spans:
        assert found is None
    else:
        assert found is not None
        assert found[0] == pytest.approx(max(spans)[0], abs=1e-5)


def test_answers_are_learnt():
    pairs = (("Who lent", "Goldman Sachs"), ("Who got", "Acme Corp"))
    asked = [Question(text, text, TEXTS[0], ((right, TEXTS[0].index(right)),), "t") for text, right in pairs]
    quick = AnswerSettings(
        Schedule(epochs=60, learning_rate=5e-3, head_learning_rate=1e-2, dropout=0), limit=96, stride=24
    )
    model = learn_answers(tiny_model(), asked, quick, seed=1)
    found, too_long = answer(model, asked, quick)
    assert [each.text for each in found] == ["Goldman Sachs", "Acme Corp"]
    assert too_long == 0
    assert all(each.no_answer < 0 for each in found)
    student = learn_answers(tiny_model(seed=5), asked, quick, seed=1, teacher=model)
    assert [each.text for each in answer(student, asked, quick)[0]] == ["Goldman Sachs", "Acme Corp"]
    rounded = learn_answers(tiny_model(), asked, replace(quick, bits=8), seed=1)
    assert [each.text for each in answer(rounded, asked, quick)[0]] == ["Goldman Sachs", "Acme Corp"]
    assert rounded.network.config.packed_bytes < sum(4 * each.numel() for each in model.network.parameters())
