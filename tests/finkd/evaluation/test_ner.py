from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.scheme import IOB2

from finkd.corpora.errors import DataError
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import entities
from finkd.data.batches import TrainingData
from finkd.evaluation.ner import document_names, evaluate, known_words, score
from finkd.inference import prediction, tagger
from finkd.inference.prediction import word_logits
from finkd.inference.tagger import predict_tags, predict_with_scores, sentence_logits
from finkd.scores import Counts
from tests.finkd.toys import LABELS, SENTENCES, TYPES, ner_data, tagged, tiny_model
from tests.toys import FAMILIES

TAGS = st.lists(st.lists(st.sampled_from(LABELS), min_size=1, max_size=8), min_size=1, max_size=6)


def sentences_with(tags):
    return [Sentence.from_words([f"w{i}" for i in range(len(row))], row) for row in tags]


@given(TAGS, st.randoms(use_true_random=False))
def test_scores_are_those_of_seqeval_strict(gold, random):
    predicted = [[random.choice(LABELS) if random.random() < 0.4 else tag for tag in row] for row in gold]
    ours = score(sentences_with(gold), predicted, TYPES)
    strict = {"mode": "strict", "scheme": IOB2, "zero_division": 0}
    assert (ours.micro.precision or 0) == pytest.approx(precision_score(gold, predicted, **strict))
    assert (ours.micro.recall or 0) == pytest.approx(recall_score(gold, predicted, **strict))
    assert (ours.micro.f1 or 0) == pytest.approx(f1_score(gold, predicted, **strict))
    per_type = f1_score(gold, predicted, average=None, **strict) if entities_of(gold + predicted) else []
    present = sorted({entity.type for entity in entities_of(gold + predicted)})
    assert [ours.per_type[name].f1 for name in present] == pytest.approx(list(per_type))


@pytest.mark.parametrize("name", ["ORG-", "-ORG", "-NONE-", "O", "B", "I", "B-ORG", "a-b", "org", "É", "-", "--"])
def test_a_type_is_only_itself(name):
    """seqeval strips hyphens, so that types that are swapped throughout score 1 there."""
    gold = [tagged("Acme/B-ORG Corp/I-ORG fell/O")]
    other = [[f"B-{name}", f"I-{name}", "O"]]
    scores = score(gold, other, ("ORG", name))
    assert scores.per_type == {"ORG": Counts(0, 0, 1), name: Counts(0, 1, 0)}
    both = [Sentence.from_words(gold[0].words, tags) for tags in (gold[0].tags, other[0])]
    scores = score(both, [list(gold[0].tags), *other], ("ORG", name))
    assert scores.per_type == {"ORG": Counts(1, 1, 1), name: Counts(1, 1, 1)}


@given(st.data())
def test_counts_are_those_of_character_sets(data):
    """Entities of one type each, compared with a slow reading: a run of words from B- up to the last I- of its type."""
    labels = ["O", *(f"{prefix}-{name}" for name in ("ORG", "ORG-", "-ORG", "O", "B-ORG") for prefix in "BI")]
    rows = st.lists(st.sampled_from(labels), min_size=1, max_size=8)
    gold, guess = data.draw(rows), data.draw(rows)
    size = min(len(gold), len(guess))
    gold, guess = gold[:size], guess[:size]

    def slow(tags):
        found = set()
        for start, tag in enumerate(tags):
            if tag[:2] == "B-":
                end = start + 1
                while end < size and tags[end] == f"I-{tag[2:]}":
                    end += 1
                found.add((start, end, tag[2:]))
        return found

    true, seen = slow(gold), slow(guess)
    assert score(sentences_with([gold]), [guess], ()).micro == Counts(len(true & seen), len(seen), len(true))


def test_a_tag_that_is_none_is_refused():
    with pytest.raises(ValueError, match="tag 1: found 'ORG'; expected O, B-TYPE, I-TYPE"):
        score([tagged("Acme/B-ORG fell/O")], [["B-ORG", "ORG"]], TYPES)


def entities_of(rows):
    return [entity for row in rows for entity in entities(row)]


def test_documents_and_names_are_counted_apart():
    predicted = [["O"] * len(s.spans) for s in SENTENCES]
    predicted[0] = list(SENTENCES[0].tags)
    scores = score(SENTENCES, predicted, TYPES, roles={"borrower", "lender"})
    assert (scores.names_only.correct, scores.names_only.predicted, scores.names_only.gold) == (2, 2, 4)
    assert {name: counts.gold for name, counts in scores.per_document.items()} == {
        "first": 3,
        "second": 1,
        "sentence 1": 2,
    }
    assert score(SENTENCES, predicted, TYPES).names_only is None


def test_entities_with_a_word_that_was_not_trained_on_are_counted_apart():
    gold = [tagged("Acme/B-ORG Corp/I-ORG sued/O Acme/B-ORG and/O Zenith/B-ORG")]
    predicted = [["B-ORG", "I-ORG", "O", "O", "O", "B-PER"]]
    known = known_words([tagged("ACME/B-ORG sued/O and/O won/O")])
    assert score(gold, predicted, TYPES, known=known).unseen == Counts(1, 2, 2)
    assert score(gold, predicted, TYPES).unseen is None


@pytest.mark.parametrize("bad", [Sentence.from_words(["raw"]), tagged("two/O words/O")])
def test_gold_and_prediction_must_match_word_by_word(bad):
    with pytest.raises(ValueError, match="score: 1 tag for"):
        score([bad], [["O"]], TYPES)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_batch_size_and_padding_change_nothing(family, monkeypatch):
    model = tiny_model(FAMILIES[family](), labels=LABELS)
    data = ner_data(SENTENCES, model)
    together = word_logits(model, data.student)
    monkeypatch.setattr(prediction, "_FEW_TOKENS", 1)
    alone = word_logits(model, data.student)
    np.testing.assert_allclose(alone, together, atol=1e-5)
    one_by_one = [predict_tags([sentence], model)[0] for sentence in SENTENCES]
    assert predict_tags(SENTENCES, model) == one_by_one


@settings(max_examples=10)
@given(st.integers(6, 30), st.sampled_from(sorted(FAMILIES)))
def test_long_sentences_lose_no_gold(limit, family):
    """A peer cut sentences at 64 tokens, dropped the gold beyond, and published .757 instead of .614."""
    words, tags = zip(*[(w, t) for s in SENTENCES * 2 for w, t in zip(s.words, s.tags, strict=True)], strict=True)
    model = tiny_model(FAMILIES[family](), labels=LABELS, positions=limit)
    scores = evaluate([Sentence.from_words(words, tags)], model, TYPES)
    assert scores.micro.gold == 12
    assert scores.words == len(words)
    assert scores.uncovered_words == 0


def test_every_word_of_a_windowed_sentence_is_scored_in_its_own_place(monkeypatch):
    """A model that sees no context gives each word the same scores in any window."""
    model = tiny_model(layers=0, labels=LABELS)
    model.encoder.embeddings.position_embeddings.weight.data.zero_()
    long = Sentence.from_words([word for s in SENTENCES for word in s.words])
    (whole,) = sentence_logits([long], model)
    for limit in (4, 9, 25):
        monkeypatch.setattr(tagger, "WINDOW", limit)
        (windowed,) = sentence_logits([long], model)
        np.testing.assert_allclose(windowed, whole, atol=1e-5)


def test_sentences_longer_than_the_positions_are_read_through_windows():
    model = tiny_model(labels=LABELS, positions=16)
    tags, _, uncovered = predict_with_scores([Sentence.from_words(["bank"] * 100)], model)
    assert len(tags[0]) == 100
    assert uncovered == 0


def test_a_word_without_a_token_is_outside_and_counted():
    sentence = Sentence.from_words(["bank", "\u200b", "lent"])
    tags, _, uncovered = predict_with_scores([sentence], tiny_model(labels=LABELS))
    assert tags[0][1] == "O"
    assert uncovered == 1


def test_finite_weights_whose_scores_overflow_are_an_error_and_tag_nothing():
    model = tiny_model(labels=LABELS)
    with torch.no_grad():
        model.tagging_head.weight.fill_(3e38)
    assert all(weight.isfinite().all() for weight in model.network.parameters())
    expected = r"model '.*': the scores of 3 of 3 words are infinite or not a number; fetch, train or export it again"
    for read in (predict_tags, predict_with_scores, lambda *given: list(sentence_logits(*given))):
        with pytest.raises(DataError, match=expected):
            read([Sentence.from_words(["bank", "\u200b", "lent", "bank"])], model)


def test_text_is_read_in_blocks_of_bounded_size(monkeypatch):
    model = tiny_model(labels=LABELS)
    whole, expected = list(sentence_logits(SENTENCES, model)), predict_tags(SENTENCES, model)
    monkeypatch.setattr(tagger, "_CELLS", 2 * max(len(s.spans) for s in SENTENCES) * len(LABELS))
    sizes = []
    read = prediction.word_logits
    monkeypatch.setattr(prediction, "word_logits", lambda *given: sizes.append(len(given[1].first)) or read(*given))
    for one, two in zip(sentence_logits(SENTENCES, model), whole, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)
    assert len(sizes) > 1
    assert sum(sizes) == sum(len(s.spans) for s in SENTENCES)
    assert max(sizes) * len(LABELS) <= tagger._CELLS
    assert predict_tags(SENTENCES, model) == predict_with_scores(SENTENCES, model).tags == expected
    monkeypatch.setattr(tagger, "_CELLS", 1)
    assert predict_tags(SENTENCES, model) == expected


def test_no_sentences_and_no_words_are_fine():
    model = tiny_model(labels=LABELS)
    assert predict_tags([], model) == []
    assert predict_tags([Sentence("", ())], model) == [[]]


def test_identical_tokenizers_give_word_distillation_the_plain_logits():
    """Across tokenizers words stand for tokens; with one tokenizer nothing may be lost on the way."""
    model = tiny_model(labels=LABELS)
    data: TrainingData = ner_data(SENTENCES, model)
    batch = data.batch(np.arange(len(SENTENCES)))
    with torch.inference_mode():
        plain = model.network(input_ids=batch.student.ids, attention_mask=batch.student.mask).logits.flatten(0, 1)
    by_word = np.concatenate(list(sentence_logits(SENTENCES, model)))
    np.testing.assert_allclose(by_word, plain[batch.student.first_token_positions], atol=1e-5)


def test_gold_tags_never_reach_the_prediction():
    model = tiny_model(labels=LABELS)
    blind = [replace(sentence, tags=None) for sentence in SENTENCES]
    assert predict_tags(SENTENCES, model) == predict_tags(blind, model)


def test_a_sentence_without_a_document_is_never_taken_for_one():
    names = ["0", "", "sentence 3", "", "sentence 1"]
    sentences = [Sentence.from_words(["a"], ["O"], name) for name in names]
    assert document_names(sentences) == ["0", "sentence 1'", "sentence 3", "sentence 3'", "sentence 1"]
