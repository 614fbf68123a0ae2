"""Temperature scaling, held-out documents, calibration error."""

import math
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch

from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.evaluation.calibration import fit_temperature, fit_temperature_to_teacher, with_temperature
from finkd.evaluation.folds import held_out
from finkd.evaluation.ner import evaluate, score
from finkd.execution.lineage import addresses, with_contexts
from finkd.inference.marginals import sequence_loss
from finkd.inference.tagger import predict_with_scores, sentence_logits
from finkd.models.loading import load_model
from finkd.models.spec import ModelSpec
from finkd.scores import Counts, NerScores, ScoreGroup, bins, together
from finkd.stages.calibrate import Calibrate
from finkd.stages.finetune import Finetune
from finkd.stages.select import Select
from finkd.strategies.strategy import Step
from tests.finkd.toys import LABELS, SENTENCES, context, tiny_model

MODEL = tiny_model(labels=LABELS, seed=3)


class TooSure:
    """Tagger whose logits are four times those from which the tags of its sentences were drawn."""

    labels = LABELS

    def __init__(self, random):
        self.logits = [random.normal(0, 2, (12, len(LABELS))).astype(np.float32) for _ in range(400)]
        self.sentences = [_drawn(each, random) for each in self.logits]

    def sentence_logits(self, sentences, precision):
        return [4 * each for each in self.logits]


def _drawn(logits, random):
    """A sentence whose tags are drawn from its logits, of O and B- alone, which any tag may follow."""
    logits[:, [label.startswith("I-") for label in LABELS]] = -50
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    tags = [LABELS[random.choice(len(LABELS), p=row / row.sum())] for row in shares.astype(float)]
    return Sentence.from_words(["word"] * len(tags), tags)


def test_the_temperature_of_logits_that_are_four_times_too_large_is_four():
    tagger = TooSure(np.random.default_rng(0))
    assert fit_temperature(tagger, tagger.sentences) == pytest.approx(4, rel=0.05)
    before, after = evaluate(tagger.sentences, tagger, ()), _scaled(tagger)
    assert before.calibration_error > 0.1
    assert after.calibration_error < 0.03
    assert before.micro == after.micro


def _scaled(tagger):
    class Scaled:
        labels = LABELS

        def sentence_logits(self, sentences, precision):
            return tagger.logits

    return evaluate(tagger.sentences, Scaled(), ())


def test_a_temperature_divides_logits_and_keeps_tags(tmp_path):
    scaled = with_temperature(MODEL, 2.5)
    for ours, theirs in zip(sentence_logits(SENTENCES, scaled), sentence_logits(SENTENCES, MODEL), strict=True):
        np.testing.assert_allclose(ours, theirs / 2.5, rtol=1e-5, atol=1e-6)
    tags, scores, _ = predict_with_scores(SENTENCES, scaled)
    assert tags == predict_with_scores(SENTENCES, MODEL)[0]
    (tmp_path / "saved").mkdir()
    scaled.save(tmp_path / "saved")
    assert predict_with_scores(SENTENCES, load_model(tmp_path / "saved"))[1] == scores


def test_without_tagged_sentences_there_is_no_temperature():
    with pytest.raises(ConfigError, match="no held-out entity"):
        fit_temperature(MODEL, [replace(SENTENCES[0], tags=None)])


def test_no_stage_reads_what_is_held_out(tmp_path):
    steps = [Step("finetune", Finetune()), Step("calibrate", Calibrate(held_out=0.3))]
    where = replace(context(tmp_path), train=[replace(each, document=each.text) for each in SENTENCES])
    for _, each in with_contexts(steps, where):
        texts = {sentence.text for sentence in each.held_out}
        assert texts
        assert not texts & {sentence.text for sentence in each.train}
        assert each.corpus != where.corpus
    assert addresses("start", steps[:1], where) != addresses("start", steps, where)[:1]


class Words:
    """Raw text of some sentences."""

    fingerprint: ClassVar = {"text": "words"}

    def draw(self, sentences=None):
        return [Sentence.from_words(["Acme", str(number)]) for number in range(20)][:sentences]


def test_the_last_raw_sentences_are_held_out_and_the_teacher_stands_for_the_truth(tmp_path):
    steps = [Step("select", Select(by=(), keep=1, similarity=1)), Step("calibrate:text", Calibrate("text", 0.25))]
    where = replace(context(tmp_path), text=Words())
    (_, first), (_, last) = with_contexts(steps, where)
    for each in (first, last):
        assert [*each.sentences("text")] == Words().draw(15)
        assert [*each.held_out_text.draw()] == Words().draw()[15:]
        assert each.train == where.train
    assert addresses("start", steps[:1], where) != addresses("start", steps, where)[:1]
    (_, little), *_ = with_contexts([Step("calibrate:text", Calibrate("text", 0.01))], where)
    assert (len(little.sentences("text")), len(little.held_out_text.draw())) == (19, 1)
    teacher = last.teacher.model("test")
    found = Calibrate("text").run(with_temperature(teacher, 0.4), last).model
    weights = zip(found.tagging_head.parameters(), teacher.tagging_head.parameters(), strict=True)
    assert all(torch.allclose(ours, theirs, rtol=1e-3) for ours, theirs in weights)
    softer = Calibrate("text", teacher_temperature=1.5).run(teacher, last).model
    weights = zip(softer.tagging_head.parameters(), teacher.tagging_head.parameters(), strict=True)
    assert all(torch.allclose(ours, theirs / 1.5, rtol=1e-3) for ours, theirs in weights)
    with pytest.raises(ConfigError, match="gold text has no teacher"):
        Calibrate(teacher_temperature=1.5).validate(ModelSpec(head="labels", labels=LABELS, corpus_labels=LABELS))


def test_models_that_stages_learn_from_do_not_read_it_either(tmp_path):
    whole = replace(context(tmp_path), text=Words(), general=Words())
    asked = []

    def within(given):
        return replace(given, strategy_teacher=lambda name: asked.append((name, given)), with_strategy_teachers=within)

    for stage in (Calibrate("text", 0.25), Calibrate("gold", 0.3)):
        ((_, rest),) = with_contexts([Step("calibrate", stage)], within(whole))
        rest.teacher_named("masked-teacher", "test")
    (_, of_text), (_, of_gold) = asked
    assert len(of_text.sentences("text")) == len(of_text.sentences("general")) == 15
    assert len(of_gold.train) < len(whole.train)
    with pytest.raises(ConfigError, match="calibrate:text: another stage before it holds text out"):
        [*with_contexts([Step("calibrate", Calibrate("gold", 0.3)), Step("calibrate:text", Calibrate("text"))], whole)]


def test_raw_text_and_a_teacher_are_needed(tmp_path):
    steps = [Step("calibrate:text", Calibrate("text"))]
    with pytest.raises(ConfigError, match="calibrate:text: the experiment has no unlabelled text"):
        [*with_contexts(steps, replace(context(tmp_path), text=None))]
    with pytest.raises(ConfigError, match="calibrate:text: no system has the role 'teacher'"):
        addresses("start", steps, replace(context(tmp_path), text=Words(), teacher=None))
    with pytest.raises(ConfigError, match="no held-out word"):
        fit_temperature_to_teacher(MODEL, [], np.zeros((0, len(LABELS)), np.float32))


def test_documents_are_held_out_whole_and_their_repetitions_are_left_out():
    sentences = [
        Sentence.from_words([f"word{number % 30}"], ["O"], document=f"document {number // 5}") for number in range(100)
    ]
    rest, part = held_out(sentences, 0.2)
    assert 20 <= len(part) < 30
    assert not {each.document for each in rest} & {each.document for each in part}
    assert not {each.text for each in rest} & {each.text for each in part}
    assert len(held_out([replace(each, document="one") for each in sentences[:30]], 0.2)[1]) == 6
    two = [replace(each, document="ab"[place % 2]) for place, each in enumerate(sentences[:30])]
    assert len(held_out(two, 0.2)[1]) == 6  # each is more than twice as large
    with pytest.raises(ConfigError, match="leaves nothing to learn from"):
        held_out(sentences[:5], 0.999)


def test_the_calibration_error_is_the_mean_distance_of_score_and_precision():
    groups = (ScoreGroup(0.9, 10, 9), ScoreGroup(0.8, 10, 5), ScoreGroup(0.5, 5, 5))
    scores = NerScores({"ORG": Counts(19, 25, 30)}, by_score=groups)
    assert scores.calibration_error == pytest.approx((0 + 10 * 0.3 + 5 * 0.5) / 25)
    assert NerScores({}).calibration_error is None
    assert scores.chance_calibration_error == pytest.approx(
        math.sqrt(2 / math.pi) * (math.sqrt(0.9) + math.sqrt(1.6) + math.sqrt(1.25)) / 25
    )
    assert NerScores({}).chance_calibration_error is None


def test_seeds_together_are_in_order_and_equal_ones_count_once():
    first, second = (ScoreGroup(0.9, 10, 9), ScoreGroup(0.5, 5, 5)), (ScoreGroup(0.8, 10, 5),)
    assert together([first, second, first]) == (first[0], second[0], first[1])


def test_among_equal_scores_the_right_ones_do_not_come_first():
    words = [f"word{number}" for number in range(121)]
    sentence = Sentence.from_words(words, ["B-ORG" if number % 2 else "B-PER" for number in range(121)])
    found = score([sentence], [["B-ORG"] * 121], ["ORG", "PER"], probabilities=[[0.9, *[0.5] * 120]])
    assert found.calibration_error < 0.05
    assert found.precision_of_surest(0.5) == pytest.approx(0.5, abs=0.02)


def test_who_is_equally_sure_of_everything_has_no_scores():
    sentence = Sentence.from_words(["Acme", "paid", "Bravo"], ["B-ORG", "O", "B-ORG"])
    assert score([sentence], [["B-ORG", "B-ORG", "O"]], ["ORG"], probabilities=[[1.0, 1.0]]).by_score == ()


def test_bins_hold_about_as_many_groups():
    groups = [ScoreGroup(0.5, 1, 0)] * 31
    assert sorted({len(each) for each in bins(groups)}) == [2, 3]
    assert len(bins(groups)) == 15
    assert [len(each) for each in bins(groups[:2])] == [1, 1]
    assert bins([]) == []


def test_a_word_without_a_token_cuts_a_gold_entity():
    labels = ("O", "B-ORG", "I-ORG")
    logits = np.full((3, 3), -4, np.float32)
    logits[[0, 2], 1] = 4
    logits[1] = np.nan
    for temperature in (1, 0.2, 0.05):
        assert sequence_loss([logits / temperature], labels, [["B-ORG", "I-ORG", "I-ORG"]]) >= 0
    assert sequence_loss([logits], labels, [["B-ORG", "I-ORG", "I-ORG"]]) < 0.01


def test_what_a_model_never_gets_wrong_tells_no_temperature(caplog):
    class Sure:
        labels = LABELS

        def sentence_logits(self, sentences, precision):
            return [
                np.eye(len(LABELS), dtype=np.float32)[[LABELS.index(tag) for tag in each.tags]] for each in sentences
            ]

    sentences = [each for each in SENTENCES if each.tags]
    assert fit_temperature(Sure(), sentences) == 1
    assert "does not tell how sure" in caplog.text


def test_odd_gold_is_left_out_or_named():
    plain = Sentence.from_words(["No", "tags"])
    assert fit_temperature(MODEL, [*SENTENCES, plain]) == fit_temperature(MODEL, SENTENCES)
    with pytest.raises(ConfigError, match="no label 'B-LAW'"):
        fit_temperature(MODEL, [Sentence.from_words(["Acme"], ["B-LAW"])])


def test_entities_are_grouped_by_score():
    sentence = Sentence.from_words(["Acme", "paid", "Bravo"], ["B-ORG", "O", "B-ORG"])
    found = score([sentence], [["B-ORG", "B-ORG", "O"]], ["ORG"], probabilities=[[0.7, 0.9]])
    assert found.by_score == (ScoreGroup(0.9, 1, 0), ScoreGroup(0.7, 1, 1))
    assert score([sentence], [["O", "O", "O"]], ["ORG"], probabilities=[[]]).by_score == ()
